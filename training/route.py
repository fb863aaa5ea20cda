"""How routing is used in batch: responders ranked for every query of a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.domain import Incident, Routing
from engine.route import Router
from engine.route.router import Target
from training.progress import Track, quiet

_REFIT_GROWTH = 0.05  # of the known history by which it must grow before the models are fitted again
_REWEIGH_GROWTH = 1.3  # of it from which the weights of the signals are learned again
_MAX_REFITS = 3
_LEFT_OVER = 50  # incidents worth a last fit once no more are to come


@dataclass(frozen=True, kw_only=True)
class RouteRow:
    """One line of ranks.csv. `automatic` is 1 on rank 1 where it is sure enough to assign without asking."""

    query_id: str
    rank: int  # 1 is best
    responder: str
    probability: float  # 0..1, that this one resolves it
    automatic: int


def rank(
    history: Sequence[Incident],
    queries: Sequence[Incident],
    *,
    target: Target,
    top: int = 10,
    progress: Track = quiet,
) -> list[RouteRow]:
    """The `top` responders for each of `queries`; an incident of `history` counts once known before the query opened.

    Columns that no query carries are not learned from: they were written down after the fact.
    """
    found = {
        place: router.predict_one(queries[place], top=top)
        for place, router in progress(replay(history, queries, target), "route", len(queries))
    }
    return [row for place, query in enumerate(queries) for row in _rows(query, found[place])]


def replay(history: Sequence[Incident], queries: Sequence[Incident], target: Target) -> Iterator[tuple[int, Router]]:
    """Per query, in order of opening: its place in `queries`, and a router that knows what was known by then."""
    waiting = sorted(history, key=lambda incident: incident.known_from, reverse=True)
    columns = frozenset(column for query in queries for column, value in query.fields.items() if value)
    desk = _Desk(Router(target=target, columns=columns, online=False))
    for place in sorted(range(len(queries)), key=lambda place: (queries[place].opened_at, place)):
        desk.learn(_known_before(waiting, queries[place].opened_at), left=len(waiting))
        yield place, desk.router


class _Desk:
    """A router that is fitted to what is known, and again when that has grown enough."""

    def __init__(self, router: Router) -> None:
        self.router = router
        self.known: list[Incident] = []
        self.fitted = 0  # how many of them the linear models know
        self.weighed = 0  # how many there were when the weights were learned
        self.refits = 0

    def learn(self, arrived: Sequence[Incident], left: int) -> None:
        """Take in what became known; `left` incidents are still to come."""
        if not arrived:
            return
        self.known += arrived
        grown = len(self.known) - self.fitted
        if not self.weighed or len(self.known) >= _REWEIGH_GROWTH * self.weighed:
            self.router.fit(self.known)
            self.weighed = len(self.known)
        elif self.refits < _MAX_REFITS and (grown >= _REFIT_GROWTH * self.fitted or (not left and grown > _LEFT_OVER)):
            self.router.refit(self.known)
            self.refits += 1
        else:
            for incident in arrived:
                self.router.learn_one(incident)
            return
        self.fitted = len(self.known)


def _known_before(waiting: list[Incident], moment: datetime) -> list[Incident]:
    """Take from the end of `waiting` (latest known first) those known before `moment`, earliest first."""
    arrived = []
    while waiting and waiting[-1].known_from < moment:
        arrived.append(waiting.pop())
    return arrived


def _rows(query: Incident, routing: Routing) -> list[RouteRow]:
    return [
        RouteRow(
            query_id=query.id,
            rank=place,
            responder=candidate.responder,
            probability=candidate.probability,
            automatic=int(place == 1 and routing.automatic),
        )
        for place, candidate in enumerate(routing.candidates, 1)
    ]
