"""Later evidence: alerts and whole incidents whose place looks different now that more is known.

Moves: every recent alert is taken out of its incident in thought and scored anew beside all rivals, with what came
after it known too. Merges: the alerts of a small incident are scored as one beside each rival. Both only propose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from engine.correlate.case import Case
from engine.correlate.profiles import Member, Profile, Profiles

Cases = Callable[[Member], list[Case]]
Score = Callable[[Case], float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Revision:
    """A proposed move of one alert, applied by the caller through `Correlator.move`."""

    alert_id: str
    from_incident: str
    to_incident: str  # "" asks for a new incident
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Repair:
    """How readily later evidence changes groups.

    Parameters
    ----------
    horizon_s
        Alerts that began at most this long ago are looked at again.
    move_margin
        Log-odds by which another place must be better before an alert moves.
    merge_margin
        Mean log-odds of an incident's alerts for another incident before the two become one.
    sample
        Alerts of an incident that speak for it when merging.
    """

    horizon_s: float = 2400.0
    move_margin: float = 1.0
    merge_margin: float = 1.0
    sample: int = 8

    def moves(self, profiles: Profiles, now: float, cases: Cases, score: Score) -> Iterator[Revision]:
        """Single alerts that belong elsewhere."""
        for profile, member in list(_recent(profiles, now - self.horizon_s)):
            if member.alert_id not in profile.members:
                continue
            with_it = len(profile.members)
            profile.remove(member.alert_id)
            scored = {case.profile.id: score(case) for case in cases(member) if case.profile.members}
            profile.add(member)
            here = scored.pop(profile.id, 0.0) if with_it > 1 else 0.0
            best = max(scored, key=lambda name: (scored[name], name), default="")
            there = scored.get(best, 0.0)
            if with_it > 1 and max(here, there) + self.move_margin < 0.0:
                yield Revision(
                    alert_id=member.alert_id, from_incident=profile.id, to_incident="",
                    reason=f"stands alone: {-here:.1f} against staying",
                )  # fmt: skip
            elif best and there > max(here, 0.0) + self.move_margin:
                yield Revision(
                    alert_id=member.alert_id, from_incident=profile.id, to_incident=best,
                    reason=f"closer to {best} by {there - here:.1f}",
                )  # fmt: skip

    def merges(self, profiles: Profiles, now: float, cases: Cases, score: Score) -> Iterator[Revision]:
        """Incidents that are part of another one: all their alerts move."""
        gone: set[str] = set()
        taken: set[str] = set()
        small_first = sorted(profiles.open.values(), key=lambda profile: (len(profile.members), profile.id))
        for profile in small_first:
            if profile.last < now - self.horizon_s or profile.id in taken:
                continue
            target, nats = self._merged(profile, cases, score, gone)
            if nats > self.merge_margin:
                gone.add(profile.id)
                taken.add(target)
                for alert_id in profile.members:
                    yield Revision(
                        alert_id=alert_id, from_incident=profile.id, to_incident=target,
                        reason=f"its incident is part of {target}: {nats:.1f} in the mean of its alerts",
                    )  # fmt: skip

    def _merged(self, profile: Profile, cases: Cases, score: Score, gone: set[str]) -> tuple[str, float]:
        members = _spread(list(profile.members.values()), self.sample)
        totals: dict[str, float] = {}
        heard: dict[str, int] = {}
        for member in members:
            for case in cases(member):
                other = case.profile.id
                if other != profile.id and other not in gone:
                    totals[other] = totals.get(other, 0.0) + score(case)
                    heard[other] = heard.get(other, 0) + 1
        full = {other: total / len(members) for other, total in totals.items() if heard[other] == len(members)}
        best = max(full, key=lambda name: (full[name], name), default="")
        return best, full.get(best, 0.0)


def _recent(profiles: Profiles, since: float) -> Iterable[tuple[Profile, Member]]:
    for profile in profiles.open.values():
        if profile.last >= since:
            for member in profile.members.values():
                if member.at >= since:
                    yield profile, member


def _spread(members: list[Member], count: int) -> list[Member]:
    step = max(1, len(members) // count)
    return members[::step][:count]
