"""A correlator that asks and repairs in plain Python, pair by pair: what the compiled one must equal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from engine.correlate import Correlator
from engine.correlate.asked import Asked
from engine.correlate.between import Between
from engine.correlate.cuts import seen_apart
from engine.correlate.holders import Holders
from engine.correlate.profile import Member, Profile
from engine.correlate.profiles import Profiles
from engine.correlate.question import Question
from engine.correlate.reading import Reading
from engine.correlate.repair import Merger, Settler, Sides
from engine.correlate.seek import NEWEST_READ, POSTINGS_READ
from engine.correlate.signals import weighed
from tests.naive.lines import Sheet, Weigher, table

Key = str | tuple[str, str]


class ListedProfiles(Profiles):
    """Incidents with lists of who shares what with whom."""

    def __init__(self, *of: Any) -> None:
        super().__init__(*of)
        self.postings: Holders[Key] = Holders()  # value -> incidents, least lately touched first

    def add(self, incident_id: str, member: Member) -> Profile:
        profile = super().add(incident_id, member)
        for key in keys_of(member.reading):
            self.postings.put(key, profile.id)
        return profile

    def remove(self, alert_id: str) -> Member:
        profile = self.open[self.of_alert[alert_id]]
        member = super().remove(alert_id)
        for key in keys_of(member.reading):
            if not holds(profile, key):
                self.postings.forget(key, profile.id)
        return member

    def _drop(self, profile: Profile) -> None:
        for member in profile.members.values():
            for key in keys_of(member.reading):
                self.postings.forget(key, profile.id)
        super()._drop(profile)

    def candidates(self, reading: Reading, at: float, limit: int) -> list[Profile]:
        """Incidents worth scoring for an alert at `at`: those sharing the rarest values, and the newest."""
        met: dict[str, bool] = {}  # incident id -> whether it could take the alert
        places = 0
        for ids in sorted(self.postings.of(keys_of(reading)), key=len):
            for incident_id in islice(reversed(ids), POSTINGS_READ):
                if incident_id not in met:
                    met[incident_id] = alive = self._alive(incident_id, at)
                    places += alive
            if places >= limit:
                break
        for incident_id in islice(reversed(self.open), NEWEST_READ):
            if incident_id not in met:
                met[incident_id] = self._alive(incident_id, at)
        return [self.open[incident_id] for incident_id, alive in met.items() if alive][: limit + NEWEST_READ]

    def _alive(self, incident_id: str, at: float) -> bool:
        profile = self.open[incident_id]
        if not profile.members:
            return False
        return profile.first - self.keep_s <= at <= min(profile.closed_at, profile.last + self.keep_s)


def holds(profile: Profile, key: Key) -> bool:
    """Whether any member names the thing, or has the field's value."""
    return key in profile.things if isinstance(key, str) else key[1] in profile.inside.get(key[0], ())


def keys_of(reading: Reading) -> list[Key]:
    """The values under which an alert's incident can be found again: things, and fields with their names."""
    return [*reading.things, *(pair for pair in reading.fields if pair[0] not in ("severity", "source"))]


class SlowMerger(Merger):
    """Pairs of incidents, case by case."""

    profiles: ListedProfiles

    def neighbours(self, profile: Profile) -> list[Profile]:
        heard: dict[str, int] = {}
        members = list(profile.members.values())
        for member in members[:: max(1, len(members) // 3)][:3]:
            for other in self.profiles.candidates(member.reading, member.at, self.repair.reach):
                if other.id != profile.id:
                    heard[other.id] = heard.get(other.id, 0) + 1
        known = self.profiles.open
        best = sorted(heard, key=lambda name: (-heard[name], abs(known[name].first - profile.first), name))
        return [known[name] for name in best[: self.repair.reach]]

    def one(self, profile: Profile, others: Sequence[Profile]) -> list[float]:
        found = self._weighed(self.pair, profile, others)
        return [nats - self.repair.margin(profile, other) for nats, other in zip(found, others, strict=True)]

    def sides(self, one: Sequence[Member], other: Sequence[Member]) -> tuple[float, float]:
        small, large = (seen_apart(Profile("apart"), side) for side in (one, other))
        apart = -self._weighed(self.two, small, [large])[0]
        return apart, self._weighed(self.pair, small, [large])[0] - self.repair.margin(small, large)

    def _weighed(self, both: Sides, profile: Profile, others: Sequence[Profile]) -> list[float]:
        sheet = Sheet(self.state.world)
        for question in self._questions(profile):
            sheet.ask(question, others)
        scores, asked = Weigher(both.weights).scores(sheet), max(1, len(sheet.groups))
        return [
            sum(scores[place :: len(others)]) / asked + weighed(both.weights, Between().parts(profile, other))
            for place, other in enumerate(others)
        ]


class SlowSettler(Settler):
    """Alerts taken out in thought, one by one."""

    profiles: ListedProfiles

    def without(self, some: Sequence[tuple[Profile, Member]]) -> Iterator[dict[str, float]]:
        weigher = Weigher(self.scorer.weights, self.scorer.forest)
        for profile, member in some:
            sheet = Sheet(self.state.world)
            with profile.lend(member.alert_id):
                found = self.profiles.candidates(member.reading, member.at, self.limit)
                sheet.ask(Question(member.reading, member.at, member.fingerprint, self.state.world), found)
            yield dict(zip((each.id for each in found), weigher.scores(sheet), strict=True))


class SlowCorrelator(Correlator):
    """Decides as the slow way does."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._profiles: ListedProfiles = ListedProfiles(self._profiles.keep_s, self._state)

    def _ask(self, reading: Reading, at: float, fingerprint: str) -> Asked:
        found = self._profiles.candidates(reading, at, self.max_candidates)
        sheet = Sheet(self._world)
        sheet.ask(Question(reading, at, fingerprint, self._world), found)
        scorer = self._decider.scorer
        scores = Weigher(scorer.weights, scorer.forest).scores(sheet)
        return Asked(reading, at, fingerprint, self._world, found, table(sheet), scores)

    def merger(self) -> SlowMerger:
        found = SlowMerger(self.repair, self._state, self._pair, self._sides)
        found.profiles = self._profiles
        return found

    def settler(self) -> SlowSettler:
        found = SlowSettler(self._state, self._settle, self.max_candidates)
        found.profiles = self._profiles
        return found
