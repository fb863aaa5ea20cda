"""Which incident an alert belongs to: candidates, evidence, decision."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice

from engine.correlate.asked import Asked, Room, Scorer
from engine.correlate.background import Background
from engine.correlate.case import Case, cases_of
from engine.correlate.constraints import Constraints
from engine.correlate.counting import count
from engine.correlate.cuts import splits
from engine.correlate.decision import Decider
from engine.correlate.identity import known
from engine.correlate.lessons import Kinds, Lessons
from engine.correlate.profile import Member, Profile
from engine.correlate.profiles import Profiles
from engine.correlate.question import World
from engine.correlate.reading import LEVELS, Reading, read
from engine.correlate.repair import Merger, Repair, Revision, Settler, Sides, merges, moves
from engine.correlate.roots import RootRanker
from engine.correlate.settling import ask
from engine.correlate.state import State
from engine.correlate.together import Together
from engine.correlate.topology import Topology
from engine.correlate.turns import Turns
from engine.correlate.weights import Weights, shipped
from engine.domain import Alert, AlertStatus, Edge, Evidence, Match, ModelPart, Suspect

_QUIET_S = 1800.0  # of silence after which what an incident shows is learned as habits
_LOOKED_AT = 2  # incidents asked, per alert, whether they are that silent


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
        forests = self._weights.forests
        self._decider = Decider(self._weights.join, forests.get("join"))
        self._settle = Scorer(self._weights.settle, forests.get("settle"))
        self._pair, self._sides = Sides(self._weights.merge), Sides(self._weights.split)
        self._heartbeats: dict[str, tuple[str, str]] = {}  # fingerprint -> incident, first alert
        self._kept = Constraints()
        self._turns = Turns()
        self._world = World(
            Background(self._weights.concentrations), Topology(topology), {level: Together() for level in LEVELS}
        )
        self._state = State(self._world, keep_h * 3600.0)
        self._profiles = Profiles(keep_h * 3600.0, self._state)
        self._room = Room.of(max_candidates)
        self._lessons = Lessons(self._world.together)
        self._roots = RootRanker(self._world.topology)
        self._unread: dict[str, None] = {}  # incidents that roots were not learned from, those to be asked next first
        self._read: set[str] = set()  # those that they were, while remembered

    def predict_one(self, alert: Alert, *, explain: bool = True) -> Match:
        """Where `alert` belongs, judged at its event time. Changes nothing.

        Reasons cost as much as the decision: without `explain`, a match that was weighed has no evidence.
        """
        if alert.is_heartbeat:
            return self._apart(alert)
        at = alert.starts_at.timestamp()
        found = known(self._profiles, alert, at)
        if found is not None:
            return found
        reading = read(alert)
        return self._decider.decide(alert, self._ask(reading, at, alert.fingerprint), explain=explain)

    def candidates(self, alert: Alert) -> list[Case]:
        """The incidents that `alert` is weighed against, each with what signals measure: what weights are fitted to."""
        asked = self._ask(read(alert), alert.starts_at.timestamp(), alert.fingerprint)
        return cases_of(asked.question, asked.profiles)

    def learn_one(self, alert: Alert, incident_id: str, *, alert_of: str | None = None) -> None:
        """`alert` belongs to `incident_id`; `alert_of` names the earlier alert that it repeats or resolves, and follows
        wherever that one is by now."""
        if alert.is_heartbeat:
            self._heartbeats.setdefault(alert.fingerprint, (incident_id, alert.id))
            return
        home = self._profiles.of_alert.get(alert_of, incident_id) if alert_of else incident_id
        profile = self._profiles.open.get(home)
        member = profile.members.get(alert_of or alert.id) if profile else None
        if member is not None and profile is not None:
            self._repeat(alert, profile, member)
            return
        if alert.id in self._profiles.of_alert:
            self.move(alert.id, incident_id)
            return
        at = alert.starts_at.timestamp()
        arrived = Member(alert.id, at, alert.fingerprint, read(alert), at)
        if count(self._world.background, arrived, profile):
            self._begin_anew()
        self._state.counted(arrived.reading)
        self._profiles.add(incident_id, arrived)
        if incident_id not in self._read:
            self._unread.setdefault(incident_id)
        self._read_quiet()
        self._profiles.pack_silent()
        for gone in self._profiles.expired():
            self._remember(gone)

    def remember_at_most(self, alerts: int) -> None:
        """From now on, of more `alerts` than that, forget what ended first, and then what was silent longest."""
        self._profiles.most = alerts

    def close(self, incident_id: str, at: datetime) -> None:
        """The incident ended at `at`: it takes no alert that starts later."""
        profile = self._profiles.open.get(incident_id)
        if profile is not None:
            self._profiles.close(profile, at.timestamp())

    def roots(self, incident_id: str) -> tuple[tuple[str, float], ...]:
        """The members of an open or recent incident as (alert id, score 0..1), likeliest root first; () if unknown."""
        profile = self._profiles.open.get(incident_id)
        return self._roots.rank(profile.members.values()) if profile is not None else ()

    def suspects(self, alerts: Iterable[Alert]) -> tuple[Suspect, ...]:
        """What may have broken in the incident that consists of `alerts`, likeliest first; () without alerts."""
        rows = [Member(each.id, at := each.starts_at.timestamp(), each.fingerprint, read(each), at) for each in alerts]
        return tuple(
            Suspect(name=root.name, probability=root.probability, score=root.score, because=root.reasons)
            for root in self._roots.suspects(rows)
        )

    def revise(self, now: datetime) -> tuple[Revision, ...]:
        """Moves that later evidence suggests, for the caller to apply through `move` before asking again."""
        changed = self._turns.incidents(self._profiles.changed, self.repair)
        kept, merger = self._kept, self.merger()
        merged = tuple(merges(self._profiles, changed, merger, kept))
        if merged:
            return merged
        parted = tuple(splits(self._profiles, changed, merger, kept))
        for incident_id in changed:
            del self._profiles.changed[incident_id]
        due = self._turns.alerts(self._profiles, now.timestamp() - self.repair.horizon_s, self.repair)
        return parted or tuple(moves(due, self.repair, self.settler(), kept))

    def merger(self) -> Merger:
        """What weighs whether two incidents are one: what its weights are fitted to."""
        return Merger(self.repair, self._state, self._pair, self._sides)

    def settler(self) -> Settler:
        """What weighs where alerts belong once it is known what came after them."""
        return Settler(self._state, self._settle, self.max_candidates)

    def move(self, alert_id: str, incident_id: str) -> None:
        """Put an alert into another incident, which is opened if unknown. Unknown or forgotten alerts are ignored."""
        if self._profiles.of_alert.get(alert_id) in (None, incident_id):
            return
        source_id = self._profiles.of_alert[alert_id]
        self._profiles.add(incident_id, self._profiles.remove(alert_id))
        if source_id not in self._profiles.open:
            self._kept.emptied(source_id, incident_id, self._profiles.open[incident_id].members)

    def explain(self, alert_id: str) -> Match | None:
        """Why a remembered alert is where it is, as what is known by now weighs it; None where that is not for it."""
        profile = self._profiles.open.get(self._profiles.of_alert.get(alert_id, ""))
        if profile is None:
            return None
        with self._profiles.lend(profile, alert_id) as member:
            return self._decider.placed(profile.id, self._ask(member.reading, member.at, member.fingerprint))

    def correct(self, alert_ids: Sequence[str], incident_id: str) -> None:
        """An operator put the alerts into that incident, known or new: they stay there, and it teaches."""
        homes = {
            name: home for name in alert_ids if (home := self._profiles.of_alert.get(name, "")) not in ("", incident_id)
        }
        there = self._kinds(incident_id)
        for alert_id in homes:
            self.move(alert_id, incident_id)
        self.pin(alert_ids)
        self._kept.join(incident_id, incident_id, alert_ids)
        self._kept.forget(self._profiles.of_alert)
        for source_id in set(homes.values()):
            self._kept.follow(source_id, incident_id, self._profiles.open[incident_id].members)
        moved = _kinds_of(self._profiles.open[incident_id].members[name] for name in homes)
        self._lessons.together(moved, there)
        for source_id in sorted({*homes.values()} & self._profiles.open.keys()):
            self.part(source_id, incident_id)
            self._lessons.apart(moved, self._kinds(source_id))
        self._state.remembered()

    def merge(self, source_id: str, target_id: str) -> None:
        """An operator says that both incidents are one: all their alerts stay together, and it teaches."""
        source, target = self._profiles.open.get(source_id), self._profiles.open.get(target_id)
        self._kept.join(
            source_id, target_id, (*(source.members if source else ()), *(target.members if target else ()))
        )
        if source is None:
            return
        self._lessons.together(source.kinds, self._kinds(target_id))
        for alert_id in list(source.members):
            self.move(alert_id, target_id)
        self.pin(self._profiles.open[target_id].members)
        self._state.remembered()

    def pin(self, alert_ids: Iterable[str]) -> None:
        """These alerts stay where they are."""
        self._kept.pinned.update(alert_ids)

    def unpin(self, alert_ids: Iterable[str]) -> None:
        """These alerts may move again."""
        self._kept.pinned.difference_update(alert_ids)

    def part(self, one_id: str, other_id: str) -> None:
        """These two incidents are not one, whatever the evidence says, nor do their alerts come together elsewhere."""
        self._kept.part(one_id, other_id)
        for here, there in ((one_id, other_id), (other_id, one_id)):
            if here in self._profiles.open:
                self._kept.bar(self._profiles.open[here].members, there)

    def lessons(self) -> Mapping[str, float]:
        """What operators' corrections have taught: how many past incidents each is worth, by what it is about."""
        return self._lessons.to_data()

    def take_lessons(self, lessons: Mapping[str, float]) -> None:
        """Take up what `lessons` gave before."""
        self._lessons.take(lessons)
        self._state.remembered()

    def _kinds(self, incident_id: str) -> Kinds:
        """What an incident shows now; nothing where it is not known."""
        profile = self._profiles.open.get(incident_id)
        return {level: dict(kinds) for level, kinds in profile.kinds.items()} if profile is not None else {}

    def fit(self, alerts: Iterable[Alert], incident_ids: Iterable[str]) -> Correlator:
        """Learn what is ordinary and what comes together from past alerts and their incidents; returns self."""
        past = Correlator(topology=self.topology, weights=self._weights, keep_h=self.keep_h)
        for alert, incident_id in zip(alerts, incident_ids, strict=True):
            resolved = alert.status is AlertStatus.RESOLVED
            found = known(past._profiles, alert, alert.starts_at.timestamp()) if resolved else None
            if found is not None and found.incident_id is not None:
                past.learn_one(alert, found.incident_id, alert_of=found.repeat_of)
            elif incident_id and alert.status is AlertStatus.FIRING:
                past.learn_one(alert, incident_id)
        for profile in past._profiles.open.values():
            past._remember(profile)
        background, together = past._world.background, past._world.together
        if background.stormy:  # a few storms tell what is common; other incidents have another pace and company
            background, together = background.values_alone(), {level: Together() for level in LEVELS}
        background.begin()
        self._know(World(background, self._world.topology, together))
        self._roots = past._roots
        return self

    def _know(self, world: World) -> None:
        """Go by what is known about the world from now on; what is open stays."""
        self._world = world
        self._state.relearn(world)
        self._lessons = Lessons(world.together)

    def _begin_anew(self) -> None:
        """What was known is of another place: keep what was seen here, and what operators said."""
        lessons = self._lessons.to_data()
        together = {level: Together() for level in LEVELS}
        self._know(World(self._world.background.here_alone(), self._world.topology, together))
        self.take_lessons(lessons)

    def to_part(self) -> ModelPart:
        """Weights and statistics as plain data; open incidents are state and stay out."""
        data = {
            "weights": self._weights.to_data(),
            "background": self._world.background.to_data(),
            "together": {level: table.to_data() for level, table in self._world.together.items()},
            "roots": self._roots.to_data(),
            "settings": {"keep_h": self.keep_h, "max_candidates": self.max_candidates},
        }
        return ModelPart(data=data, arrays=self._weights.to_arrays())

    @classmethod
    def from_part(cls, part: ModelPart, topology: Sequence[Edge] = ()) -> Correlator:
        """The correlator that `to_part` described, without open incidents."""
        found = cls(
            topology=topology, weights=Weights.from_data(part.data["weights"], part.arrays), **part.data["settings"]
        )
        found._world.background.take(part.data["background"])
        for level, table in found._world.together.items():
            table.take(part.data["together"][level])
        found._state.relearn(found._world)
        if "roots" in part.data:
            found._roots.take(part.data["roots"])
        return found

    def _apart(self, alert: Alert) -> Match:
        """A sign of life belongs to no incident but its own: it fires whatever happens."""
        incident_id, first = self._heartbeats.get(alert.fingerprint, (None, None))
        reason = Evidence(signal="heartbeat", weight=0.0, detail="a sign of life, not a symptom")
        return Match(incident_id=incident_id, probability=1.0, score=0.0, evidence=(reason,), repeat_of=first)

    def _ask(self, reading: Reading, at: float, fingerprint: str) -> Asked:
        offset = self._state.reading(reading)
        arrays, room = self._state.level(), self._room
        count = ask(arrays, self._decider.scorer.weighing, offset, at, self._state.symptom(fingerprint), *room)
        profiles = self._state.profiles(room.found[:count])
        return Asked(
            reading, at, fingerprint, self._world, profiles, room.rows[:count].copy(), room.scores[:count].tolist()
        )

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
        self._state.stale[profile.slot], self._state.stale_members[member.row] = profile, member

    def _remember(self, profile: Profile) -> None:
        before = [table.incidents for table in self._world.together.values()]
        for level, table in self._world.together.items():
            table.learn(profile.kinds[level])
        kept = all(table.incidents > had for table, had in zip(self._world.together.values(), before, strict=True))
        self._state.remembered([(level, kind) for level in LEVELS for kind in profile.kinds[level]] if kept else None)
        self._unread.pop(profile.id, None)
        if profile.id not in self._read:
            self._roots.learn(profile.members.values())
        self._read.discard(profile.id)

    def _read_quiet(self) -> None:
        """What stays on from one incident to the next broke nothing: learn what each shows soon after it, not hours."""
        for incident_id in list(islice(self._unread, _LOOKED_AT)):
            del self._unread[incident_id]
            profile = self._profiles.open.get(incident_id)
            if profile is None:
                continue  # all of it was moved elsewhere
            if profile.last + _QUIET_S >= self._profiles.now:
                self._unread[incident_id] = None
            else:
                self._roots.learn(profile.members.values())
                self._read.add(incident_id)
        if len(self._read) > 2 * len(self._profiles.open):
            self._read &= self._profiles.open.keys()


def _kinds_of(members: Iterable[Member]) -> Kinds:
    found: dict[str, Counter[str]] = {level: Counter() for level in LEVELS}
    for member in members:
        for level, kind in member.reading.kinds.items():
            found[level][kind] += 1
    return found
