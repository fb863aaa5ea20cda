"""Which incident an alert belongs to: candidates, evidence, decision."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from engine.correlate.background import Background
from engine.correlate.case import Case, Parts, compare
from engine.correlate.lessons import Lessons
from engine.correlate.profiles import Member, Profile, Profiles
from engine.correlate.question import Question, World
from engine.correlate.reading import LEVELS, Reading, read
from engine.correlate.repair import Constraints, Merger, Repair, Revision, Turns, merges, moves
from engine.correlate.roots import Root, RootRanker
from engine.correlate.signals import SIGNALS, scorer
from engine.correlate.together import Together
from engine.correlate.topology import Topology
from engine.correlate.weights import Weights, shipped
from engine.domain import Alert, AlertStatus, Edge, Evidence, Match, ModelPart

_STILL_FIRING_S = 10.0  # a symptom that fired this lately, in one incident only, is the same one: storms cost O(1)
_EPISODES_READ = 16  # newest ones of a symptom in an incident
_CROWD = 0.8  # 0: an alert opens where no single incident is likelier than that; 1: where all together are not
_PROVISIONAL_BELOW = math.log(3.0)  # margin, in log-odds, under which a place is shown as provisional
_TAUGHT_BY = 16  # alerts of one correction that teach
_CERTAIN = 20.0  # log-odds written for what is identity, not inference


class Correlator:
    """Assigns alerts to incidents one by one, in event time.

    `predict_one` asks; only `learn_one` changes state, beside `move` and `close`, the operator's verbs.
    Every candidate incident gets a score in log-odds against "this alert opens a new incident"; candidates and the new
    one compete, so a rival lowers the probability of each. The score is the sum of its evidence.

    Parameters
    ----------
    topology
        Known relations between services, hosts and so on; better with, good without.
    weights
        Learned weights; None means the ones shipped with the package.
    keep_h
        Hours after its last sign of life during which an incident can still take an alert.
    max_candidates
        Incidents scored per alert, besides the few that moved last.
    repair
        How readily later evidence changes groups.

    Examples
    --------
    >>> from datetime import UTC, datetime, timedelta
    >>> def alert(number, title, service):
    ...     at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=20 * number)
    ...     return Alert(id=str(number), source="prom", title=title, service=service, starts_at=at, received_at=at,
    ...                  fingerprint=f"{service} {title}")
    >>> correlator = Correlator()
    >>> correlator.predict_one(alert(0, "orders-db refuses writes", "orders-db")).incident_id is None
    True
    >>> correlator.learn_one(alert(0, "orders-db refuses writes", "orders-db"), "INC-1")
    >>> correlator.predict_one(alert(1, "replication of orders-db broken", "orders-db")).incident_id
    'INC-1'
    """

    def __init__(
        self,
        *,
        topology: Sequence[Edge] = (),
        weights: Weights | None = None,
        keep_h: float = 4.0,
        max_candidates: int = 16,
        repair: Repair = Repair(),  # noqa: B008 - frozen
    ) -> None:
        self.topology = topology
        self.weights = weights
        self.keep_h = keep_h
        self.max_candidates = max_candidates
        self.repair = repair
        self._weights = weights or shipped()
        self._score, self._settle = scorer(self._weights.join), scorer(self._weights.settle)
        self._profiles = Profiles(keep_h * 3600.0)
        self._heartbeats: dict[str, tuple[str, str]] = {}  # fingerprint -> incident, first alert
        self._pinned: set[str] = set()  # alerts that no evidence moves
        self._parted: set[frozenset[str]] = set()  # pairs of incidents that are not one
        self._lessons = Lessons(self._weights)
        self._turns = Turns()
        self._world = World(
            Background(self._weights.concentrations), Topology(topology), {level: Together() for level in LEVELS}
        )
        self._roots = RootRanker(self._world.topology)

    def predict_one(self, alert: Alert, *, explain: bool = True) -> Match:
        """Where `alert` belongs, judged at its event time. Changes nothing.

        Reasons cost as much as the decision: without `explain`, a match that was weighed has no evidence.
        """
        if alert.is_heartbeat:
            return self._apart(alert)
        at = alert.starts_at.timestamp()
        known = self._known(alert, at)
        if known is not None:
            return known
        reading = read(alert)
        cases = self._cases(reading, at, alert.fingerprint)
        return self._decide(alert, cases, explain)

    def candidates(self, alert: Alert) -> list[Case]:
        """The incidents that `alert` is weighed against, each with what signals measure: what weights are fitted to."""
        return self._cases(read(alert), alert.starts_at.timestamp(), alert.fingerprint)

    def learn_one(self, alert: Alert, incident_id: str, *, alert_of: str | None = None) -> None:
        """`alert` belongs to `incident_id`; `alert_of` names the earlier alert that it repeats or resolves."""
        if alert.is_heartbeat:
            self._heartbeats.setdefault(alert.fingerprint, (incident_id, alert.id))
            return
        profile = self._profiles.open.get(incident_id)
        member = profile.members.get(alert_of or alert.id) if profile else None
        if member is not None and profile is not None:
            self._repeat(alert, profile, member)
            return
        if alert.id in self._profiles.of_alert:
            self.move(alert.id, incident_id)
            return
        at = alert.starts_at.timestamp()
        reading = read(alert)
        self._count(reading, alert.fingerprint, at, profile)
        self._profiles.add(incident_id, Member(alert.id, at, alert.fingerprint, reading, at))
        for gone in self._profiles.expired():
            self._remember(gone)

    def close(self, incident_id: str, at: datetime) -> None:
        """The incident ended at `at`: it takes no alert that starts later."""
        profile = self._profiles.open.get(incident_id)
        if profile is not None:
            profile.closed_at = at.timestamp()

    def roots(self, incident_id: str) -> tuple[tuple[str, float], ...]:
        """The members of an open or recent incident as (alert id, score 0..1), likeliest root first; () if unknown."""
        profile = self._profiles.open.get(incident_id)
        return self._roots.rank(profile.members.values()) if profile is not None else ()

    def suspects(self, incident_id: str) -> tuple[Root, ...]:
        """What may have broken in an open or recent incident, likeliest first, with reasons; () if unknown."""
        profile = self._profiles.open.get(incident_id)
        return self._roots.suspects(profile.members.values()) if profile is not None else ()

    def revise(self, now: datetime) -> tuple[Revision, ...]:
        """Moves that later evidence suggests, for the caller to apply through `move` before asking again."""
        changed = self._turns.incidents(self._profiles.changed, self.repair)
        kept = Constraints(self._pinned, self._parted)
        merged = tuple(merges(self._profiles, changed, self.merger(), self._weights.merge, kept))
        if merged:
            return merged
        for incident_id in changed:
            del self._profiles.changed[incident_id]
        due = self._turns.alerts(self._profiles, now.timestamp() - self.repair.horizon_s, self.repair)
        return tuple(moves(due, self.repair, self._again, self._settle, self._pinned))

    def merger(self) -> Merger:
        """What weighs whether two incidents are one: what its weights are fitted to."""
        return Merger(self.repair, self._beside, _measured)

    def _again(self, member: Member) -> list[Case]:
        return self._cases(member.reading, member.at, member.fingerprint)

    def _beside(self, member: Member, others: Sequence[Profile]) -> list[Case]:
        question = Question(member.reading, member.at, member.fingerprint, self._world)
        cases = [Case(question, other) for other in others]
        if len(cases) > 1:
            compare(cases)
        return cases

    def move(self, alert_id: str, incident_id: str) -> None:
        """Put an alert into another incident, which is opened if unknown. Unknown or forgotten alerts are ignored."""
        if self._profiles.of_alert.get(alert_id) in (None, incident_id):
            return
        self._profiles.add(incident_id, self._profiles.remove(alert_id))

    def explain(self, alert_id: str) -> Match | None:
        """Why a remembered alert is where it is, as what is known by now weighs it; None where that is not for it."""
        profile = self._profiles.open.get(self._profiles.of_alert.get(alert_id, ""))
        if profile is None:
            return None
        with profile.lend(alert_id) as member:
            return self._placed(profile.id, [case for case in self._again(member) if case.profile.members])

    def correct(self, alert_ids: Sequence[str], incident_id: str) -> None:
        """An operator put the alerts into that incident, known or new: they stay there, and it teaches."""
        known = [name for name in alert_ids if self._profiles.of_alert.get(name) not in (None, incident_id)]
        for alert_id in known[:_TAUGHT_BY]:
            self._teach_place(alert_id, incident_id)
        for alert_id in known:
            self.part(self._profiles.of_alert[alert_id], incident_id)
            self.move(alert_id, incident_id)
        self.pin(alert_ids)
        self._teach_pairs({name for name in map(self._profiles.of_alert.get, alert_ids) if name}, same=False)

    def merge(self, source_id: str, target_id: str) -> None:
        """An operator says that both incidents are one: all their alerts stay together, and it teaches."""
        self._parted.discard(frozenset((source_id, target_id)))
        source, target = self._profiles.open.get(source_id), self._profiles.open.get(target_id)
        if source is None:
            return
        if target is not None:
            self._lessons.pair(self._measure_pair(source, target), same=True)
            for member in list(source.members.values())[:_TAUGHT_BY]:
                self._teach_place(member.alert_id, target_id)
        for alert_id in list(source.members):
            self.move(alert_id, target_id)
        self.pin(self._profiles.open[target_id].members)
        self._take_weights()

    def pin(self, alert_ids: Iterable[str]) -> None:
        """These alerts stay where they are."""
        self._pinned.update(alert_ids)

    def unpin(self, alert_ids: Iterable[str]) -> None:
        """These alerts may move again."""
        self._pinned.difference_update(alert_ids)

    def part(self, one_id: str, other_id: str) -> None:
        """These two incidents are not one, whatever the evidence says."""
        self._parted.add(frozenset((one_id, other_id)))

    def lessons(self) -> Mapping[str, float]:
        """What operators' corrections have taught: additions to weights, by name of the measurement."""
        return self._lessons.to_data()

    def take_lessons(self, lessons: Mapping[str, float]) -> None:
        """Take up what `lessons` gave before."""
        self._lessons.take(lessons)
        self._take_weights()

    def _take_weights(self) -> None:
        """Weigh by what was shipped or fitted and what operators have taught since."""
        self._weights = self._lessons.applied(self.weights or shipped())
        self._score, self._settle = scorer(self._weights.join), scorer(self._weights.settle)

    def _teach_place(self, alert_id: str, incident_id: str) -> None:
        """Learn from one alert that it belongs to `incident_id` rather than where it is."""
        profile = self._profiles.open[self._profiles.of_alert[alert_id]]
        others = [profile, *([self._profiles.open[incident_id]] if incident_id in self._profiles.open else [])]
        with profile.lend(alert_id) as member:
            cases = {case.profile.id: _measured(case) for case in self._beside(member, others) if case.profile.members}
        self._lessons.place(right=cases.get(incident_id), wrong=cases.get(profile.id))
        self._take_weights()

    def _teach_pairs(self, incident_ids: Iterable[str], *, same: bool) -> None:
        """Learn from incidents that an operator has just told apart from those they came from."""
        for incident_id in incident_ids:
            for other_id in {name for pair in self._parted if incident_id in pair for name in pair} - {incident_id}:
                one, other = self._profiles.open.get(incident_id), self._profiles.open.get(other_id)
                if one is not None and other is not None:
                    self._lessons.pair(self._measure_pair(one, other), same=same)
        self._take_weights()

    def _measure_pair(self, one: Profile, other: Profile) -> Parts:
        small, large = sorted((one, other), key=lambda profile: len(profile.members))
        return self.merger().pairs(small, [large])[0][1]

    def fit(self, alerts: Iterable[Alert], incident_ids: Iterable[str]) -> Correlator:
        """Learn what is ordinary and what comes together from past alerts and their incidents; returns self."""
        past = Correlator(topology=self.topology, weights=self._weights, keep_h=self.keep_h)
        for alert, incident_id in zip(alerts, incident_ids, strict=True):
            known = past._known(alert, alert.starts_at.timestamp()) if alert.status is AlertStatus.RESOLVED else None
            if known is not None and known.incident_id is not None:
                past.learn_one(alert, known.incident_id, alert_of=known.repeat_of)
            elif incident_id and alert.status is AlertStatus.FIRING:
                past.learn_one(alert, incident_id)
        for profile in past._profiles.open.values():
            past._remember(profile)
        self._world = World(past._world.background, self._world.topology, past._world.together)
        self._roots = past._roots
        return self

    def to_part(self) -> ModelPart:
        """Weights and statistics as plain data; open incidents are state and stay out."""
        data = {
            "weights": (self.weights or shipped()).to_data(),
            "background": self._world.background.to_data(),
            "together": {level: table.to_data() for level, table in self._world.together.items()},
            "roots": self._roots.to_data(),
            "settings": {"keep_h": self.keep_h, "max_candidates": self.max_candidates},
        }
        return ModelPart(data=data)

    @classmethod
    def from_part(cls, part: ModelPart, topology: Sequence[Edge] = ()) -> Correlator:
        """The correlator that `to_part` described, without open incidents."""
        found = cls(topology=topology, weights=Weights.from_data(part.data["weights"]), **part.data["settings"])
        found._world.background.take(part.data["background"])
        for level, table in found._world.together.items():
            table.take(part.data["together"][level])
        if "roots" in part.data:
            found._roots.take(part.data["roots"])
        return found

    def _apart(self, alert: Alert) -> Match:
        """A sign of life belongs to no incident but its own: it fires whatever happens."""
        incident_id, first = self._heartbeats.get(alert.fingerprint, (None, None))
        reason = Evidence(signal="heartbeat", weight=0.0, detail="a sign of life, not a symptom")
        return Match(incident_id=incident_id, probability=1.0, score=0.0, evidence=(reason,), repeat_of=first)

    def _known(self, alert: Alert, at: float) -> Match | None:
        """A second delivery, the end of a known episode, or a symptom still firing moments ago: no weighing needed."""
        incident_id = self._profiles.of_alert.get(alert.id)
        if incident_id is not None:
            return _certain(incident_id, alert.id, "delivered before")
        holders = self._profiles.of_fingerprint.get(alert.fingerprint)
        if not holders:
            return None
        away, incident_id, member = self._nearest_episode(alert.fingerprint, at, holders)
        ended = alert.ends_at.timestamp() if alert.ends_at else at
        resolved = alert.status is AlertStatus.RESOLVED and ended >= member.at
        if away == 0.0 or resolved:
            return _certain(incident_id, member.alert_id, "resolves it" if resolved else "same symptom, same start")
        if len(holders) == 1 and not member.resolved and 0.0 <= at - member.last_at <= _usual(member):
            return _certain(incident_id, member.alert_id, f"same symptom {at - member.last_at:.0f} s before")
        return None

    def _nearest_episode(self, fingerprint: str, at: float, holders: Iterable[str]) -> tuple[float, str, Member]:
        """The episode of a symptom that began nearest to `at`: (seconds away, incident, member)."""
        found: list[tuple[float, str, Member]] = []
        for incident_id in holders:
            profile = self._profiles.open[incident_id]
            for alert_id in profile.episodes[fingerprint][-_EPISODES_READ:]:
                member = profile.members[alert_id]
                found.append((abs(member.at - at), incident_id, member))
        return min(found, key=lambda each: each[:2])

    def _cases(self, reading: Reading, at: float, fingerprint: str) -> list[Case]:
        found = self._profiles.candidates(reading, at, self.max_candidates)
        question = Question(reading, at, fingerprint, self._world)
        cases = [Case(question, profile) for profile in found]
        if len(cases) > 1:
            compare(cases)
        return cases

    def _decide(self, alert: Alert, cases: Sequence[Case], explain: bool) -> Match:
        scored = sorted(((self._score(case), case) for case in cases), key=lambda pair: (-pair[0], pair[1].profile.id))
        if not scored:
            return Match(incident_id=None, probability=1.0, score=-_CERTAIN, evidence=_alone())
        best, case = scored[0]
        second = scored[1] if len(scored) > 1 else None
        total = 1.0 + sum(math.exp(min(score, 50.0)) for score, _ in scored)
        # Fragments of one incident share what belongs to it: what they say together counts for belonging somewhere.
        stays = best + _CROWD * math.log(max(1e-30, total - 1.0) / math.exp(min(best, 50.0)))
        joins = stays > 0.0
        margin = min(stays, best - second[0] if second else math.inf) if joins else -stays
        return Match(
            incident_id=case.profile.id if joins else None,
            probability=(math.exp(min(best, 50.0)) if joins else 1.0) / total,
            score=stays,
            evidence=(*self._explain(case), *_crowd(stays - best, len(scored))) if explain else (),
            runner_up=(second[1].profile.id if second else None) if joins else case.profile.id,
            margin=margin,
            provisional=margin < _PROVISIONAL_BELOW,
            repeat_of=self._earlier(alert, case.profile) if joins else None,
        )

    def _placed(self, incident_id: str, cases: Sequence[Case]) -> Match | None:
        """What speaks for the incident that an alert is in, beside its rivals."""
        scored = {case.profile.id: (self._score(case), case) for case in cases}
        score, case = scored.pop(incident_id, (0.0, None))
        if case is None or score <= 0.0:
            return None
        runner_up = max(scored, key=lambda name: (scored[name][0], name), default=None)
        best = scored[runner_up][0] if runner_up is not None else 0.0
        total = 1.0 + sum(math.exp(min(each, 50.0)) for each, _ in (*scored.values(), (score, case)))
        return Match(
            incident_id=incident_id,
            probability=math.exp(min(score, 50.0)) / total,
            score=score,
            evidence=self._explain(case),
            runner_up=runner_up,
            margin=max(0.0, score - max(0.0, best)),
        )

    def _explain(self, case: Case) -> tuple[Evidence, ...]:
        weights = self._weights.join
        found = []
        for signal in SIGNALS:
            weight = sum(weights.get(name, 0.0) * value for name, value in signal.parts(case))
            if weight:
                found.append(Evidence(signal=signal.name, weight=weight, detail=signal.detail(case)))
        return tuple(found)

    @staticmethod
    def _earlier(alert: Alert, profile: Profile) -> str | None:
        ids = profile.episodes.get(alert.fingerprint, ())
        return next((alert_id for alert_id in reversed(ids) if not profile.members[alert_id].resolved), None)

    def _repeat(self, alert: Alert, profile: Profile, member: Member) -> None:
        at = max(alert.starts_at.timestamp(), alert.ends_at.timestamp() if alert.ends_at else 0.0)
        if alert.status is AlertStatus.RESOLVED:
            if member.resolved:
                return
            self._world.background.count_end()
            profile.end(member, resolved=True)
        elif alert.id in (member.alert_id, member.last_id) and at <= member.last_at:
            return  # the same delivery once more is no news
        elif member.resolved and at > member.last_at:
            profile.end(member, resolved=False)
        member.repeats += 1
        member.last_id = alert.id
        member.last_at = max(member.last_at, at)
        profile.hear(at)

    def _count(self, reading: Reading, fingerprint: str, at: float, profile: Profile | None) -> None:
        background = self._world.background
        background.count_alert()
        if profile is None:
            background.count_opening(at)
        else:
            background.count_gap(profile.gap(at))
            background.repeats[1] += 1.0
            background.repeats[0] += float(fingerprint in profile.episodes)
        for name, value in reading.fields:
            field = background.known(name)
            inside = profile.inside.get(name, {}).get(value, 0) if profile else 0
            among = profile.among.get(name, 0) if profile else 0
            if among:
                field.compare(value, inside, among)
            if not inside:
                field.count(value)
        for role, values in (("thing", reading.things), ("word", reading.words)):
            field = background.known(role)
            held = (profile.things if role == "thing" else profile.words) if profile else {}
            for value in values:
                if value not in held:
                    field.count(value)

    def _remember(self, profile: Profile) -> None:
        for level, table in self._world.together.items():
            table.learn(profile.kinds[level])
        self._roots.learn(profile.members.values())


def _measured(case: Case) -> Parts:
    return [part for signal in SIGNALS for part in signal.parts(case)]


def _crowd(nats: float, count: int) -> tuple[Evidence, ...]:
    detail = f"{count} open incidents compete for it" if nats > 0.0 else ""
    return (Evidence(signal="crowd", weight=nats, detail=detail),) if nats else ()


def _usual(member: Member) -> float:
    """Seconds within which one more delivery of a firing symptom is no news: some of its own usual gaps."""
    own = (member.last_at - member.at) / member.repeats if member.repeats else _STILL_FIRING_S
    return min(_STILL_FIRING_S, 2.0 + 8.0 * own)


def _certain(incident_id: str, alert_id: str, reason: str) -> Match:
    evidence = (Evidence(signal="identity", weight=_CERTAIN, detail=reason),)
    return Match(
        incident_id=incident_id, probability=1.0, score=_CERTAIN, evidence=evidence, margin=_CERTAIN, repeat_of=alert_id
    )


def _alone() -> tuple[Evidence, ...]:
    return (Evidence(signal="background", weight=-_CERTAIN, detail="no open incident comes near"),)
