"""What waits to be written: bounded, the worst first, each sender in its turn."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from api.errors import Overloaded
from engine.domain import Alert, Receipt, Severity
from engine.errors import Unavailable
from engine.handling.receiving import Delivery

RANKS = (Severity.CRITICAL, Severity.ERROR, Severity.WARNING, Severity.INFO)  # the order in which they are written
# Share of the queue up to which deliveries of each rank are let in: room is kept for what is worse.
_ROOM = (1.0, 0.9, 0.75, 0.5)
_FAIR_FROM = 0.5  # filled part of the queue from which on no sender may hold more than its share
_MILD_EVERY = 4  # each so many transactions begin with the least bad, so that it is not put off for ever


Told = Callable[["list[Receipt] | Unavailable"], None]


@dataclass(eq=False, slots=True)
class Waiting:
    """One request that waits for its alerts to be written."""

    told: Told  # called once, with its receipts or why there are none
    sender: str
    rank: int  # of its worst alert, 0 is the worst
    left: int  # alerts that are not written yet
    until: float  # it waits no longer, by the loop's clock
    receipts: dict[int, Sequence[Receipt]] = field(default_factory=dict)  # by the place of their piece
    pieces: list[Piece] = field(default_factory=list)
    begun: bool = False  # some of it has been handed to the writer
    answered: bool = False

    def fill(self, start: int, receipts: Sequence[Receipt]) -> None:
        """The receipts of one piece; with the last ones the request is answered."""
        self.receipts[start] = receipts
        self.left -= len(receipts)
        if self.left == 0:
            self._tell([receipt for place in sorted(self.receipts) for receipt in self.receipts[place]])

    def fail(self, error: Unavailable) -> None:
        """Nothing more will come."""
        self._tell(error)

    def _tell(self, outcome: list[Receipt] | Unavailable) -> None:
        if not self.answered:
            self.answered, told = True, self.told
            self.told, self.pieces, self.receipts = _nobody, [], {}  # whoever still holds this holds no more than this
            told(outcome)


def _nobody(_: list[Receipt] | Unavailable) -> None:
    """Who is told when all were told."""


@dataclass(frozen=True, eq=False, slots=True)
class Piece:
    """A stretch of a request, no longer than one transaction."""

    waiting: Waiting
    start: int
    delivery: Delivery


def rank_of(alerts: Iterable[Alert]) -> int:
    """The place of the worst severity among `alerts`, 0 for critical."""
    return min((_PLACES[alert.severity] for alert in alerts), default=len(RANKS) - 1)


_PLACES = {severity: place for place, severity in enumerate(RANKS)}


class Queue:
    """Requests by rank and sender. `size` counts alerts, those being written included."""

    def __init__(self, most: int) -> None:
        """For at most `most` alerts; one delivery that is larger fits where nothing else waits."""
        self._most = most
        self._ranks: list[OrderedDict[str, deque[Piece]]] = [OrderedDict() for _ in RANKS]
        self._held: dict[str, int] = {}  # alerts by sender
        self._pieces: Counter[Waiting] = Counter()  # of each request, those that are not written yet
        self._turns = 0
        self.size = 0

    def put(self, waiting: Waiting) -> None:
        """Let a request in. Raises Overloaded."""
        self._make_room(waiting)
        lane = self._ranks[waiting.rank].setdefault(waiting.sender, deque())
        lane.extend(waiting.pieces)
        self.size += waiting.left
        self._held[waiting.sender] = self._held.get(waiting.sender, 0) + waiting.left
        self._pieces[waiting] = len(waiting.pieces)

    @property
    def requests(self) -> int:
        """How many requests wait, those being written included."""
        return len(self._pieces)

    def _make_room(self, waiting: Waiting) -> None:
        """Push out what has to yield. Raises Overloaded where that is too little."""
        held, share = self._held.get(waiting.sender, 0), self._share(waiting.sender)
        greedy = held + waiting.left > share
        if waiting.rank and held and greedy and self.size > self._most * _FAIR_FROM:
            raise Overloaded("others wait, and this key has its share of the queue: send it again")
        over = self.size + waiting.left - self._most * _ROOM[waiting.rank]
        if not self.size or over <= 0:
            return
        yielding = list(self._yielding(waiting.rank, "" if greedy else self._greediest(share)))
        if sum(one.left for one in yielding) < over:
            raise Overloaded("too much is waiting to be written: send it again")
        for one in yielding:
            if over <= 0:
                return
            over -= one.left
            self.give_up(one)
            one.fail(Overloaded("worse alerts wait to be written: send it again"))

    def _share(self, sender: str) -> float:
        return self._most / (len(self._held) + (sender not in self._held))

    def _greediest(self, share: float) -> str:
        """The sender that holds most, if that is more than its share; else ""."""
        sender = max(self._held, key=lambda one: self._held[one], default="")
        return sender if self._held.get(sender, 0) > share else ""

    def _yielding(self, rank: int, greedy: str) -> Iterator[Waiting]:
        """What is less bad and not begun, the least bad first, the latest first; then as bad of one greedy sender."""
        lanes = [lane for lanes in reversed(self._ranks[rank + 1 :]) for lane in lanes.values()]
        lanes += [self._ranks[rank][greedy]] if greedy in self._ranks[rank] else []
        seen = (piece.waiting for lane in lanes for piece in reversed(lane))
        return (one for one in dict.fromkeys(seen) if not one.begun)

    def next(self, group: int) -> list[Piece]:
        """The pieces of one transaction: the worst first, the senders of a rank in turn."""
        taken: list[Piece] = []
        size, self._turns = 0, self._turns + any(self._ranks)
        order = reversed(self._ranks) if self._turns % _MILD_EVERY == 0 else self._ranks
        for lanes in order:
            while lanes:
                sender, lane = next(iter(lanes.items()))
                if taken and size + len(lane[0].delivery.alerts) > group:
                    return taken
                taken.append(lane.popleft())
                size += len(taken[-1].delivery.alerts)
                taken[-1].waiting.begun = True
                lanes.move_to_end(sender)
                if not lane:
                    del lanes[sender]
        return taken

    def done(self, pieces: Iterable[Piece]) -> None:
        """These were written, or failed."""
        for piece in pieces:
            self._count_out(piece)

    def give_up(self, waiting: Waiting) -> None:
        """Nobody waits for this any more: what of it has not been handed out is dropped."""
        lane = self._ranks[waiting.rank].get(waiting.sender)
        if lane is None:
            return
        for piece in [one for one in lane if one.waiting is waiting]:
            lane.remove(piece)
            self._count_out(piece)
        if not lane:
            del self._ranks[waiting.rank][waiting.sender]

    def _count_out(self, piece: Piece) -> None:
        count, sender = len(piece.delivery.alerts), piece.waiting.sender
        self.size -= count
        self._held[sender] -= count
        if self._held[sender] <= 0:
            del self._held[sender]
        self._pieces[piece.waiting] -= 1
        if self._pieces[piece.waiting] <= 0:
            del self._pieces[piece.waiting]
