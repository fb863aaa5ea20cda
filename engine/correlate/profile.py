"""The state of one open or recent incident: counters over its alerts."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.correlate.packing import PACKED, pack, unpack
from engine.correlate.reading import LEVELS, Reading

STORM_S, STORM_BEAT_S, STORM_PAUSE_S = 8.0, 0.2, 12.0  # it kept coming so long, so often, without a longer pause
STORM_BEATS = int(STORM_S / STORM_BEAT_S)  # fewer are no storm
BEATS_KEPT = 16  # gaps that the pace of an incident remembers


@dataclass(slots=True)
class Member:
    """One symptom episode inside an incident."""

    alert_id: str
    at: float  # unix seconds, event time
    fingerprint: str
    reading: Reading
    last_at: float  # unix seconds, latest repeat
    repeats: int = 0
    last_id: str = ""  # alert id of the latest repeat
    resolved: bool = False
    row: int = -1  # among the arrays of `State`

    @property
    def stormed(self) -> bool:
        """Whether it alone was a storm: several a second for several seconds."""
        lasted = self.last_at - self.at
        return lasted >= STORM_S and lasted <= STORM_BEAT_S * self.repeats


Unpacks = Callable[["Profile", Sequence[int]], Sequence[Reading]]


class Profile:
    """One incident as the signals see it: counters over its members, never a scan of them.

    Where nothing has been heard of it for long, members and counters over them are packed (`pack`) until they are asked
    for.
    """

    __slots__ = (
        "_packed",
        "_unpacks",
        "among",
        "beat",
        "beats",
        "closed_at",
        "episodes",
        "firing",
        "id",
        "inside",
        "kinds",
        "last",
        "longest",
        "members",
        "slot",
        "stormed",
        "thing_times",
        "things",
        "times",
        "words",
    )

    def __init__(self, incident_id: str) -> None:
        self.id = incident_id
        self.slot = -1  # among the arrays of `State`
        self._packed = b""
        self._unpacks: Unpacks = _nobody
        self.members: dict[str, Member] = {}
        self.times: list[float] = []  # of members, sorted
        self.last = -math.inf  # latest sign of life, repeats included
        self.closed_at = math.inf
        self.beat = 0.0  # seconds, mean of the latest gaps between signs of life, repeats included
        self.beats = 0  # gaps it rests on
        self.longest = 0.0  # seconds, the longest of all gaps so far
        self.stormed = False  # whether it ever was stormy
        self.firing = 0  # members that have not ended
        self.among: dict[str, int] = {}  # members that have the field
        self.inside: dict[str, dict[str, int]] = {}  # field -> value -> members
        self.things: dict[str, int] = {}
        self.thing_times: dict[
            str, float | list[float]
        ] = {}  # thing -> when its members began, sorted; a single one bare
        self.words: dict[str, int] = {}
        self.kinds: dict[str, dict[str, int]] = {level: {} for level in LEVELS}
        self.episodes: dict[
            str, str | list[str]
        ] = {}  # fingerprint -> alert ids, in the order learned; a single one bare

    @property
    def first(self) -> float:
        """When it began, unix seconds."""
        return self.times[0]

    def pack(self, unpacks: Unpacks) -> None:
        """Give up members and counters until somebody asks: `unpacks` is told of that, and gives back what the members
        of these rows say."""
        rows = [
            [one.alert_id, one.at, one.fingerprint, one.last_at, one.repeats, one.last_id, one.resolved, one.row]
            for one in self.members.values()
        ]
        self._packed, self._unpacks = pack(rows, [getattr(self, name) for name in PACKED]), unpacks
        for name in ("members", *PACKED):
            delattr(self, name)

    if not TYPE_CHECKING:  # every attribute that is asked for is there

        def __getattr__(self, name: str) -> Any:
            """What is asked for is packed: all of it is taken out again."""
            if name != "members" and name not in PACKED:
                raise AttributeError(name)
            self._unpack()
            return getattr(self, name)

    def __deepcopy__(self, memo: dict[int, Any]) -> Profile:
        """Another one, packed where this one is: what is copied of the arrays knows it so."""
        found = memo[id(self)] = Profile.__new__(Profile)
        for name in Profile.__slots__:
            if not self._packed or (name != "members" and name not in PACKED):
                setattr(found, name, deepcopy(getattr(self, name), memo))
        return found

    def _unpack(self) -> None:
        rows, parts = unpack(self._packed)
        for name, part in zip(PACKED, parts, strict=True):
            setattr(self, name, part)
        said = self._unpacks(self, [row[-1] for row in rows])
        self.members = {
            row[0]: Member(row[0], row[1], row[2], reading, *row[3:]) for row, reading in zip(rows, said, strict=True)
        }
        self._packed, self._unpacks = b"", _nobody

    @property
    def stormy(self) -> bool:
        """Whether signs of life came several a second for several seconds, not in beats of one second."""
        lasted = self.last - self.times[0]
        return lasted >= STORM_S and self.longest <= STORM_PAUSE_S and lasted <= STORM_BEAT_S * self.beats

    def gap(self, at: float) -> float:
        """Seconds between `at` and the nearest sign of life."""
        gap = _nearest(self.times, at)
        return min(gap, at - self.last) if at >= self.last else gap

    def gap_of(self, thing: str, at: float) -> float:
        """Seconds between `at` and the nearest member that names `thing`; inf where none does."""
        found = self.thing_times.get(thing, ())
        return abs(at - found) if isinstance(found, float) else _nearest(found, at)

    def ids_of(self, fingerprint: str) -> Sequence[str]:
        """The alerts of one symptom, in the order learned."""
        found = self.episodes.get(fingerprint, ())
        return (found,) if isinstance(found, str) else found

    def latest(self, fingerprint: str) -> Member:
        """The episode of a symptom it holds that was learned last."""
        found = self.episodes[fingerprint]
        return self.members[found if isinstance(found, str) else found[-1]]

    def near(self, at: float, within_s: float) -> int:
        """How many members began at most `within_s` seconds from `at`."""
        return bisect_right(self.times, at + within_s) - bisect_left(self.times, at - within_s)

    def hear(self, at: float) -> None:
        """Take in a sign of life at `at`."""
        if at >= self.last:
            if self.last > -math.inf:
                gap = at - self.last
                self.beats = beats = self.beats + 1
                if gap > self.longest:
                    self.longest = gap
                self.beat += (gap - self.beat) / (beats if beats < BEATS_KEPT else BEATS_KEPT)
            self.last = at
            self.stormed = self.stormed or (self.beats >= STORM_BEATS and self.stormy)

    @contextmanager
    def lend(self, alert_id: str) -> Iterator[Member]:
        """The member `alert_id`, taken out for as long as the block lasts."""
        pace = self.beat, self.beats, self.longest, self.stormed, self.last
        orders, ids = [list(table) for table in self._ordered()], dict(self.episodes)
        member = self.remove(alert_id)
        try:
            yield member
        finally:
            self.add(member)
            self.episodes = ids
            self.beat, self.beats, self.longest, self.stormed, self.last = pace
            for table, order in zip(self._ordered(), orders, strict=True):
                for key in order:
                    table[key] = table.pop(key)

    def _ordered(self) -> list[dict[str, Any]]:
        """What is listed in the order it came."""
        return [self.members, *self.kinds.values()]

    def end(self, member: Member, *, resolved: bool) -> None:
        """Take in that `member` has ended, or fires again."""
        self.firing += member.resolved - resolved
        member.resolved = resolved

    def add(self, member: Member) -> None:
        """Take `member` in."""
        self.members[member.alert_id] = member
        self.firing += not member.resolved
        insort(self.times, member.at)
        self.stormed = self.stormed or member.stormed
        self.hear(member.last_at)
        reading = member.reading
        for name, value in reading.fields:
            self.among[name] = self.among.get(name, 0) + 1
            _plus(self.inside.setdefault(name, {}), value)
        for thing in reading.things:
            _plus(self.things, thing)
            _keep(self.thing_times, thing, member.at)
        for word in reading.words:
            _plus(self.words, word)
        for level, kind in reading.kinds.items():
            _plus(self.kinds[level], kind)
        self._begin(member)

    def _begin(self, member: Member) -> None:
        ids = self.episodes.get(member.fingerprint)
        if isinstance(ids, list):
            ids.append(member.alert_id)
        else:
            self.episodes[member.fingerprint] = member.alert_id if ids is None else [ids, member.alert_id]

    def remove(self, alert_id: str) -> Member:
        """Give the member `alert_id` up."""
        member = self.members.pop(alert_id)
        self.firing -= not member.resolved
        del self.times[bisect_left(self.times, member.at)]
        reading = member.reading
        for name, value in reading.fields:
            self.among[name] -= 1
            _minus(self.inside[name], value)
        for thing in reading.things:
            _minus(self.things, thing)
            _drop(self.thing_times, thing, member.at)
        for word in reading.words:
            _minus(self.words, word)
        for level, kind in reading.kinds.items():
            _minus(self.kinds[level], kind)
        left = [other for other in self.ids_of(member.fingerprint) if other != alert_id]
        if left:
            self.episodes[member.fingerprint] = left
        else:
            del self.episodes[member.fingerprint]
        if member.last_at >= self.last:
            self.last = max((other.last_at for other in self.members.values()), default=-math.inf)
        return member


def _nobody(_profile: Profile, _rows: Sequence[int]) -> Sequence[Reading]:
    """Nothing is packed."""
    return ()


def _nearest(times: Sequence[float], at: float) -> float:
    place = bisect_left(times, at)
    after = times[place] - at if place < len(times) else math.inf
    return min(after, at - times[place - 1]) if place else after


def _keep(times: dict[str, float | list[float]], thing: str, at: float) -> None:
    found = times.get(thing)
    if isinstance(found, list):
        insort(found, at)
    else:
        times[thing] = at if found is None else sorted((found, at))


def _drop(times: dict[str, float | list[float]], thing: str, at: float) -> None:
    found = times[thing]
    if isinstance(found, list):
        del found[bisect_left(found, at)]
    if not isinstance(found, list) or not found:
        del times[thing]


def _plus(counts: dict[str, int], value: str) -> None:
    counts[value] = counts.get(value, 0) + 1


def _minus(counts: dict[str, int], value: str) -> None:
    counts[value] -= 1
    if not counts[value]:
        del counts[value]
