"""Who owns the arrays of `layout`: numbers for texts, rows for incidents and members, and room for more of each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.correlate import layout
from engine.correlate.columns import COLUMNS_READ
from engine.correlate.company import unread_of
from engine.correlate.counts import rehash
from engine.correlate.layout import Arrays
from engine.correlate.pairs import unread_of_some
from engine.correlate.profile import Member, Profile
from engine.correlate.question import SIDES, World
from engine.correlate.reading import LEVELS, Reading
from engine.correlate.seek import KEYS_READ
from engine.correlate.table import WAYS
from engine.correlate.tally import drop, give_back, give_up, lend, take_in

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPEAKERS = 64  # members that speak for an incident at most
_IDLE = 256  # readings of no member that are kept, for alerts are asked about before they are learned
_WAY_OF = {name: place for place, name in enumerate(WAYS)}
_THING, _WORD = len(SIDES), len(SIDES) + 1  # fields of their own
_LEVEL_OF = {level: place for place, level in enumerate(LEVELS)}


class _Held:
    """A reading's place in the arena, and how many members share it; by itself it is kept while one is not packed."""

    __slots__ = ("members", "offset", "packed", "reading", "size")

    def __init__(self, reading: Reading, offset: int, size: int) -> None:
        self.reading: Reading | None = reading
        self.offset, self.size, self.members, self.packed = offset, size, 0, 0


class _Blocks:
    """Stretches of an arena, given out and taken back by their size."""

    def __init__(self) -> None:
        self.end = 0
        self._free: dict[int, list[int]] = {}

    def take(self, size: int) -> int:
        free = self._free.get(size)
        if free:
            return free.pop()
        self.end += size
        return self.end - size

    def give(self, offset: int, size: int) -> None:
        self._free.setdefault(size, []).append(offset)


class State:
    """All open incidents and their members as arrays, level with the `Profile`s that hold the same for people."""

    def __init__(self, world: World, keep_s: float) -> None:
        self.world = world
        self.arrays = _empty(_words(world))
        self.arrays.world[layout.KEEP_S] = keep_s
        self.arrays.counters[[layout.THING_FIELD, layout.WORD_FIELD]] = _THING, _WORD
        self._slots, self._members, self._tokens, self._symptoms = _Blocks(), _Blocks(), _Blocks(), _Blocks()
        self._cells, self._times, self._readings, self._ranks = _Blocks(), _Blocks(), _Blocks(), _Blocks()
        self._nodes = 0
        self._token_of: dict[object, int] = {}
        self._texts: list[Any] = []  # by token
        self._symptom_of: dict[str, int] = {}
        self._held: dict[int, _Held] = {}  # by offset
        self._offset_of: dict[int, int] = {}  # by id of a reading, which is kept so that its id stays its own
        self._idle: dict[int, None] = {}  # offsets
        self._field_of = {name: place for place, name in enumerate((*SIDES, "thing", "word"))}
        self._node_of = {name: place for place, name in enumerate(world.topology.near)}
        self._around: dict[tuple[str, ...], tuple[int, int]] = {}
        self._around_end = 0
        self._tempo_changes = -1  # when tempo was shown
        self.open: dict[int, Profile] = {}
        self.stale: dict[int, Profile] = {}  # by row: those whose pace has changed since the arrays were level
        self.stale_members: dict[int, Member] = {}
        for name in self._field_of:
            self._show_field(name)

    # What is asked.

    def level(self) -> Arrays:
        """The arrays, level with all that was learned and heard."""
        background, world = self.world.background, self.arrays.world
        world[layout.OPENED : layout.JOINED + 1] = (
            background.opened, background.opened_at, background.began_at, background.ending,
            math.log(background.repeats[0] / background.repeats[1]), background.tempo_total,
        )  # fmt: skip
        if self._tempo_changes != background.tempo_changes:
            self._tempo_changes = background.tempo_changes
            world[layout.TEMPO : layout.INCIDENTS] = background.tempo_levels()
        if self.stale:
            for slot, profile in self.stale.items():
                self._show_pace(slot, profile)
            self.stale.clear()
        if self.stale_members:
            for row, member in self.stale_members.items():
                self._show_member(row, member)
            self.stale_members.clear()
        return self.arrays

    def reading(self, reading: Reading) -> int:
        """Where `reading` is in the arena, with what was seen together with its kinds at hand."""
        held = self._hold(reading)
        if not held.members:
            self._idle.pop(held.offset, None)
            self._idle[held.offset] = None
            while len(self._idle) > _IDLE:
                self._release(next(iter(self._idle)))
        begin = held.offset + layout.FIRST_OF_KINDS
        self.rank(self.arrays.readings[begin : begin + len(LEVELS)].tolist())
        return held.offset

    def rank(self, kinds: Iterable[int]) -> None:
        """Have at hand what was seen together with these kinds, for those of which it is not."""
        for token in kinds:
            if token >= 0 and self.arrays.tokens[token, layout.RANKED] < layout.UNKNOWN:
                self._rank(token)

    def symptom(self, fingerprint: str) -> int:
        """The row of a symptom; -1 where none of it is here."""
        return self._symptom_of.get(fingerprint, -1)

    def profiles(self, found: NDArray[np.int64]) -> list[Profile]:
        """The incidents of these rows."""
        return [self.open[slot] for slot in found.tolist()]

    def rank_members(self, rows: NDArray[np.int64]) -> None:
        """Have at hand what was seen together with the kinds of these members."""
        found = np.empty(len(LEVELS) * len(rows), np.int64)
        self.rank(found[: unread_of(self.arrays, rows, found)].tolist())

    def rank_some(self, slot: int, sample: int) -> None:
        """The same for those that speak for an incident."""
        found = np.empty(len(LEVELS) * sample, np.int64)
        self.rank(found[: unread_of_some(self.arrays, slot, sample, found)].tolist())

    # What changes.

    def add(self, profile: Profile, member: Member) -> None:
        """`member` joins the incident of `profile`, which is told after."""
        known = profile.slot >= 0
        if not known:
            profile.slot = self._open(profile)
        if member.row < 0:
            self._enrol(member)
        self._make_room(profile.slot, member)
        self._settle_stale(profile)
        take_in(self.arrays, profile.slot, member.row, known)

    def remove(self, profile: Profile, member: Member) -> None:
        """`member` leaves the incident, and stays known."""
        self._settle_stale(profile)
        self._show_member(member.row, member)
        give_up(self.arrays, profile.slot, member.row)
        if self.arrays.slots[profile.slot, layout.SIZE] == 0:
            self._close(profile)

    def drop(self, profile: Profile) -> None:
        """The incident is forgotten with all its members."""
        drop(self.arrays, profile.slot)
        for member in profile.members.values():
            self._dismiss(member)
        self._close(profile)

    def pack(self, rows: Iterable[int]) -> None:
        """What the members of these rows say is kept in the arrays alone."""
        for row in rows:
            held = self._held[int(self.arrays.members[row, layout.READING])]
            held.packed += 1
            if held.packed == held.members:
                del self._offset_of[id(held.reading)]
                held.reading = None

    def unpack(self, rows: Iterable[int]) -> list[Reading]:
        """What the members of these rows say; it is kept again."""
        found = []
        for row in rows:
            held = self._held[int(self.arrays.members[row, layout.READING])]
            held.packed -= 1
            if held.reading is None:
                held.reading = self._read(held)
                self._offset_of[id(held.reading)] = held.offset
            found.append(held.reading)
        return found

    def lend(self, profile: Profile, member: Member) -> None:
        """Take a member out in thought."""
        self._settle_stale(profile)
        self._show_member(member.row, member)
        lend(self.arrays, profile.slot, member.row)

    def give_back(self, profile: Profile, member: Member) -> None:
        """Put a lent member back."""
        give_back(self.arrays, profile.slot, member.row, profile.last)

    @contextmanager
    def apart(self, rows: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], int]]:
        """Room to see these members as two incidents: free rows of incidents, and where free cells begin."""
        arrays = self.arrays
        readings = arrays.members[rows, layout.READING].astype(np.int64)
        heads = arrays.readings[readings[:, None] + np.arange(layout.N_WORDS + 1)]
        things, entries = int(heads[:, layout.N_THINGS].sum()), int(heads.sum() + heads[:, 0].sum()) + 4 * len(rows)
        cells = self._cells.take(things) if things else 0
        sides = [self._row(math.inf) for _ in range(2)]
        times = [self._times.take(len(rows)) for _ in sides]
        for name, end in (("cells", self._cells.end), ("cell_times", self._cells.end), ("times", self._times.end)):
            self._grow(name, end)
        self.arrays.slots[sides, layout.OFFSET] = times
        self._make_room_for(entries)
        try:
            yield np.array(sides), cells
        finally:
            if things:
                self._cells.give(cells, things)
            for slot, begin in zip(sides, times, strict=True):
                self._slots.give(slot, 1)
                self._times.give(begin, len(rows))

    def counted(self, reading: Reading) -> None:
        """What the background knows of all that `reading` says has changed."""
        held, fields, shares = self._hold(reading), self.world.background.fields, self.arrays.shares
        arena, place = self.arrays.readings, held.offset + layout.HEAD
        tokens = arena[place : held.offset + held.size].tolist()
        for (name, value), token in zip(reading.fields, tokens, strict=False):
            shares[token, layout.AS_VALUE] = fields[name].counts.get(value, 0.0)
            self._show_field(name)
        for name, column, values, begin in (
            ("thing", layout.AS_THING, reading.things, len(reading.fields)),
            ("word", layout.AS_WORD, reading.words, len(reading.fields) + len(reading.things)),
        ):
            if name in fields:
                counts = fields[name].counts
                for value, token in zip(values, tokens[begin:], strict=False):
                    shares[token, column] = counts.get(value, 0.0)
                self._show_field(name)

    def remembered(self, kinds: Sequence[tuple[str, str]] | None = None) -> None:
        """What is seen together has changed: for these (level, kind), or for all."""
        shares, together, world = self.arrays.shares, self.world.together, self.arrays.world
        world[layout.INCIDENTS :] = [table.incidents for table in together.values()]
        if kinds is None:
            texts = [text for text in self._token_of if isinstance(text, tuple) and isinstance(text[0], int)]
        else:
            texts = [(_LEVEL_OF[level], kind) for level, kind in kinds]
        for text in texts:
            token = self._token_of.get(text)
            if token is not None:
                shares[token, layout.AS_KIND] = together[LEVELS[text[0]]].counts.get(text[1], 0.0)
                self._unrank(token)

    def relearn(self, world: World) -> None:
        """What is known about the world is another one; what is open stays."""
        self.world = world
        self._tempo_changes = -1
        for name in self._field_of:
            self._show_field(name, anew=True)
        self.remembered()

    # Rows.

    def _open(self, profile: Profile) -> int:
        slot = self._row(profile.closed_at)
        self.open[slot] = profile
        return slot

    def _row(self, closed_at: float) -> int:
        slot = self._slots.take(1)
        self._grow("spans", slot + 1)
        self._grow("slots", slot + 1)
        self._grow("near", slot + 1)
        slots, spans = self.arrays.slots, self.arrays.spans
        slots[slot], spans[slot] = 0, 0.0
        for column in (layout.OLDER, layout.NEWER, layout.FIRST_MEMBER, layout.LAST_MEMBER):
            slots[slot, column] = -1
        slots[slot, layout.FIRST_KIND : layout.KINDS] = -1
        self.arrays.near[slot] = 0
        spans[slot, layout.LAST], spans[slot, layout.CLOSED] = -math.inf, closed_at
        return slot

    def _close(self, profile: Profile) -> None:
        slot, slots = profile.slot, self.arrays.slots
        room = int(slots[slot, layout.ROOM])
        if room:
            self._times.give(int(slots[slot, layout.OFFSET]), room)
        self._slots.give(slot, 1)
        del self.open[slot]
        self.stale.pop(slot, None)
        profile.slot = -1

    def _enrol(self, member: Member) -> None:
        row = member.row = self._members.take(1)
        self._grow("members", row + 1)
        self._grow("member_times", row + 1)
        held = self._hold(member.reading)
        held.members += 1
        self._idle.pop(held.offset, None)
        things = len(member.reading.things)
        cells = self._cells.take(things) if things else 0
        self._grow("cells", self._cells.end)
        self._grow("cell_times", self._cells.end)
        symptom = self._symptom_of.get(member.fingerprint)
        if symptom is None:
            symptom = self._symptom_of[member.fingerprint] = self._symptoms.take(1)
            self._grow("symptoms", symptom + 1)
            self.arrays.symptoms[symptom] = -1, -1, 0, 0
        self.arrays.members[row] = -1, held.offset, symptom, 0, 0, -1, -1, -1, -1, cells
        self._show_member(row, member)

    def _dismiss(self, member: Member) -> None:
        row, things = member.row, len(member.reading.things)
        symptom = int(self.arrays.members[row, layout.SYMPTOM_OF])
        gone = not self.arrays.symptoms[symptom, layout.EPISODES]
        if gone and self._symptom_of.pop(member.fingerprint, None) is not None:
            self._symptoms.give(symptom, 1)
        if things:
            self._cells.give(int(self.arrays.members[row, layout.CELLS]), things)
        self.stale_members.pop(row, None)
        held = self._held[int(self.arrays.members[row, layout.READING])]
        self._members.give(row, 1)
        member.row = -1
        held.members -= 1
        if not held.members:
            self._release(held.offset)

    def _show_member(self, row: int, member: Member) -> None:
        times, members = self.arrays.member_times, self.arrays.members
        times[row, layout.AT], times[row, layout.LAST_AT] = member.at, member.last_at
        members[row, layout.RESOLVED], members[row, layout.REPEATS] = member.resolved, member.repeats

    def _show_pace(self, slot: int, profile: Profile) -> None:
        self.arrays.spans[slot] = profile.last, profile.closed_at, profile.beat, profile.longest
        slots = self.arrays.slots
        slots[slot, layout.BEATS], slots[slot, layout.STORMED] = profile.beats, profile.stormed
        slots[slot, layout.FIRING] = profile.firing

    def _settle_stale(self, profile: Profile) -> None:
        if self.stale.pop(profile.slot, None) is not None:
            self._show_pace(profile.slot, profile)

    # Texts.

    def _hold(self, reading: Reading) -> _Held:
        offset = self._offset_of.get(id(reading))
        if offset is not None:
            return self._held[offset]
        held = self._write(reading)
        self._held[held.offset], self._offset_of[id(reading)] = held, held.offset
        return held

    def _read(self, held: _Held) -> Reading:
        """What was written there."""
        arena = self.arrays.readings[held.offset : held.offset + held.size].tolist()
        pairs, things, words = arena[layout.N_PAIRS], arena[layout.N_THINGS], arena[layout.N_WORDS]
        texts = [self._texts[token] for token in arena[layout.HEAD :]]
        kinds = arena[layout.FIRST_OF_KINDS : layout.HEAD]
        return Reading(
            tuple(texts[:pairs]),
            tuple(texts[pairs : pairs + things]),
            tuple(texts[pairs + things : pairs + things + words]),
            {level: self._texts[token][1] for level, token in zip(LEVELS, kinds, strict=True) if token >= 0},
        )

    def _write(self, reading: Reading) -> _Held:
        tokens = [self._pair(name, value) for name, value in reading.fields]
        tokens += [self._token(thing) for thing in reading.things]
        tokens += [self._token(word) for word in reading.words]
        kinds = [
            self._token((place, reading.kinds[level])) if level in reading.kinds else -1
            for place, level in enumerate(LEVELS)
        ]
        references = self.arrays.tokens
        for token in (*tokens, *kinds):
            if token >= 0:
                references[token, layout.REFERENCES] += 1
        begin, count = self._surroundings(reading)
        written = [len(reading.fields), len(reading.things), len(reading.words), begin, count, *kinds, *tokens]
        offset = self._readings.take(len(written))
        self._grow("readings", self._readings.end)
        self.arrays.readings[offset : offset + len(written)] = written
        return _Held(reading, offset, len(written))

    def _release(self, offset: int) -> None:
        self._idle.pop(offset, None)
        held = self._held.pop(offset)
        del self._offset_of[id(held.reading)]
        arena = self.arrays.readings[held.offset : held.offset + held.size].tolist()
        for token in arena[layout.FIRST_OF_KINDS :]:
            if token >= 0:
                self._let_go(token)
        self._readings.give(held.offset, held.size)

    def _let_go(self, token: int) -> None:
        tokens = self.arrays.tokens
        tokens[token, layout.REFERENCES] -= 1
        if not tokens[token, layout.REFERENCES]:
            self._unrank(token)  # those partners may be known for its sake alone
            self._forget_unused(token)

    def _forget_unused(self, token: int) -> None:
        tokens = self.arrays.tokens
        if not tokens[token, layout.REFERENCES] and not tokens[token, layout.PARTNER_OF]:
            del self._token_of[self._texts[token]]
            self._texts[token] = None
            self._tokens.give(token, 1)

    def _token(self, text: str | tuple[int, str]) -> int:
        found = self._token_of.get(text)
        if found is None:
            found = self._new_token(text)
            shares, background = self.arrays.shares, self.world.background
            if isinstance(text, tuple):
                level = LEVELS[text[0]]
                shares[found, layout.AS_KIND] = self.world.together[level].counts.get(text[1], 0.0)
            else:
                self.arrays.tokens[found, layout.NODE_OF] = self._node_of.get(text, -1)
                for name, column in (("thing", layout.AS_THING), ("word", layout.AS_WORD)):
                    field = background.fields.get(name)
                    shares[found, column] = field.counts.get(text, 0.0) if field is not None else 0.0
        return found

    def _pair(self, name: str, value: str) -> int:
        found = self._token_of.get((name, value))
        if found is None:
            found = self._new_token((name, value))
            place = self._field_of.get(name)
            if place is None:
                place = self._field_of[name] = len(self._field_of)
                self._grow("fields", place + 1)
                self._show_field(name)
            field = self.world.background.fields.get(name)
            self.arrays.tokens[found, layout.FIELD_OF] = place
            self.arrays.shares[found, layout.AS_VALUE] = field.counts.get(value, 0.0) if field is not None else 0.0
        return found

    def _new_token(self, text: object) -> int:
        token = self._token_of[text] = self._tokens.take(1)
        if token == len(self._texts):
            self._texts.append(text)
        self._texts[token] = text
        self._grow("tokens", token + 1)
        self._grow("shares", token + 1)
        self.arrays.tokens[token] = -1, -1, -1, -1, 0, 0, 0, 0, layout.UNREAD, 0, 0, 0, -1, 0
        self.arrays.shares[token] = 0.0
        return token

    def _surroundings(self, reading: Reading) -> tuple[int, int]:
        """Where all that is near what `reading` names is, the most surprising first: (begin, how many)."""
        topology = self.world.topology
        nodes = topology.nodes((*reading.things, *reading.words))
        if not nodes:
            return -1, 0
        key = tuple(nodes)
        if key not in self._around:
            found = topology.around(nodes).values()
            begin, count = self._around_end, len(found)
            self._around_end += count
            self._grow("around", self._around_end)
            self._grow("surprises", self._around_end)
            self.arrays.around[begin : begin + count] = [
                (self._node_of[other], 4 * near.hops + _WAY_OF[near.direction]) for _, other, near in found
            ]
            self.arrays.surprises[begin : begin + count] = [near.surprise for _, _, near in found]
            self._around[key] = begin, count
        return self._around[key]

    def _rank(self, token: int) -> None:
        place, kind = self._texts[token]
        table = self.world.together[LEVELS[place]]
        known = kind in table.counts
        partners = table.partners(kind) if known else {}
        own = [self._token((place, other)) for other in partners]
        for other in own:
            self.arrays.tokens[other, layout.PARTNER_OF] += 1
        begin = self._ranks.take(len(own)) if own else 0
        self._grow("ranks", self._ranks.end)
        self._grow("rank_counts", self._ranks.end)
        self._grow("odds", len(LEVELS) * len(own))
        self.arrays.ranks[begin : begin + len(own)] = own
        if own:
            self.arrays.rank_counts[begin : begin + len(own)] = list(partners.values())
        row = self.arrays.tokens[token]
        row[layout.RANKS], row[layout.RANKED] = begin, len(own) if known else layout.UNKNOWN

    def _unrank(self, token: int) -> None:
        """The partners of a kind are not at hand any more."""
        tokens = self.arrays.tokens
        begin, known = int(tokens[token, layout.RANKS]), int(tokens[token, layout.RANKED])
        tokens[token, layout.RANKED] = layout.UNREAD
        if known > 0:
            self._ranks.give(begin, known)
            for other in self.arrays.ranks[begin : begin + known].tolist():
                tokens[other, layout.PARTNER_OF] -= 1
                self._forget_unused(other)

    def _show_field(self, name: str, *, anew: bool = False) -> None:
        fields, place = self.arrays.fields, self._field_of[name]
        field = self.world.background.field(name)
        if anew or field.total < fields[place, layout.TOTAL]:  # it has forgotten something
            self._recount(name)
        fields[place, layout.TOTAL], fields[place, layout.CONCENTRATION] = field.total, field.concentration

    def _recount(self, name: str) -> None:
        counts, shares = self.world.background.field(name).counts, self.arrays.shares
        if name in ("thing", "word"):
            column = layout.AS_THING if name == "thing" else layout.AS_WORD
            for text, token in self._token_of.items():
                if isinstance(text, str):
                    shares[token, column] = counts.get(text, 0.0)
            return
        for text, token in self._token_of.items():
            if isinstance(text, tuple) and text[0] == name:
                shares[token, layout.AS_VALUE] = counts.get(text[1], 0.0)

    # Room.

    def _make_room(self, slot: int, member: Member) -> None:
        """So that a compiled function can put the member into the incident."""
        reading, arrays = member.reading, self.arrays
        slots = arrays.slots
        size, room = int(slots[slot, layout.SIZE]), int(slots[slot, layout.ROOM])
        if size == room:
            larger = max(4, 2 * room)
            offset = self._times.take(larger)
            self._grow("times", self._times.end)
            times, begin = self.arrays.times, int(slots[slot, layout.OFFSET])
            times[offset : offset + size] = times[begin : begin + size]
            if room:
                self._times.give(begin, room)
            slots[slot, layout.OFFSET], slots[slot, layout.ROOM] = offset, larger
        entries = 2 * len(reading.fields) + len(reading.things) + len(reading.words) + len(LEVELS) + 1
        self._make_room_for(entries)

    def _make_room_for(self, entries: int) -> None:
        """For so many more counts."""
        arrays = self.arrays
        while arrays.counters[layout.FREE_NODES] < entries:
            self._grow_nodes()
        arrays = self.arrays
        while 3 * (arrays.counters[layout.USED] + entries) > 2 * len(arrays.table):
            table = np.full((2 * len(arrays.table), layout.TABLE), -1, np.int32)
            rehash(arrays.keys, table.view(np.int64))
            arrays = self.arrays = self.arrays._replace(table=table, keys=table.view(np.int64))

    def _grow_nodes(self) -> None:
        begin = len(self.arrays.nodes)
        self._grow("nodes", begin + 1)
        nodes, counters = self.arrays.nodes, self.arrays.counters
        nodes[begin:, layout.NEXT] = np.arange(begin + 1, len(nodes) + 1)
        nodes[-1, layout.NEXT] = counters[layout.FREE_NODE]
        counters[layout.FREE_NODE] = begin
        counters[layout.FREE_NODES] += len(nodes) - begin

    def _grow(self, name: str, count: int) -> None:
        found: NDArray[Any] = getattr(self.arrays, name)
        if count > len(found):
            larger = np.zeros((max(count, len(found) + len(found) // 2 + 16), *found.shape[1:]), found.dtype)
            larger[: len(found)] = found
            self.arrays = self.arrays._replace(**{name: larger})


def _words(world: World) -> int:
    return max(1, (len(world.topology.near) + 31) // 32)


def _empty(words: int) -> Arrays:
    def shorts(count: int, width: int) -> NDArray[np.int32]:
        return np.zeros((count, width), np.int32)

    nodes, table = shorts(64, layout.NODES), np.full((256, layout.TABLE), -1, np.int32)
    nodes[:, layout.NEXT] = np.arange(1, 65)
    nodes[-1, layout.NEXT] = -1
    counters = np.zeros(layout.COUNTERS, np.int64)
    counters[layout.FREE_NODES] = 64
    return Arrays(
        spans=np.zeros((8, layout.SPANS)),
        slots=shorts(8, layout.SLOTS),
        near=np.zeros((8, words), np.int64),
        times=np.zeros(64),
        member_times=np.zeros((16, 2)),
        members=shorts(16, layout.MEMBERS),
        table=table,
        keys=table.view(np.int64),
        nodes=nodes,
        cells=shorts(64, 2),
        cell_times=np.zeros(64),
        tokens=shorts(64, layout.TOKENS),
        shares=np.zeros((64, 4)),
        fields=np.zeros((16, 2)),
        symptoms=shorts(16, 4),
        readings=np.zeros(256, np.int32),
        around=shorts(64, 2),
        surprises=np.zeros(64),
        ranks=np.zeros(64, np.int32),
        rank_counts=np.zeros((64, 2)),
        sought=shorts(KEYS_READ, 2),
        plan=np.zeros((4 * KEYS_READ, 2), np.int64),
        plan_shares=np.zeros((4 * KEYS_READ, 2)),
        odds=np.zeros(64),
        touched=shorts(4 * KEYS_READ, 3),
        asked=np.zeros(SPEAKERS, np.int64),
        line=np.zeros((1, COLUMNS_READ)),
        ends=np.full((1, 2), -1, np.int32),
        counters=counters,
        world=np.zeros(layout.WORLD),
    )
