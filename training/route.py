"""How routing is used in batch: responders ranked for every query of a file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from engine.domain import Incident, Resolution, Routing
from engine.route import Router, Target
from training.progress import Track, quiet

_REFIT_GROWTH = 0.3  # of the known history by which it must grow before the models are fitted again
_COMPLETED = 0.1  # the same where it only grows by what was still open: without that it lacks what goes slowly
_LIVE_SHARE = 0.5  # of the queries: if more past incidents than this opened after the first, outcomes keep arriving
_NAME_SHARE = 0.6  # of a column's parts that must be known responders for it to tell who worked on an incident
_PARTS = re.compile(r"\s*[>;,|]\s*")


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

    Columns that no query carries were written down after the fact: they are not read, but those that name responders
    tell who worked on an incident before it was resolved.
    """
    found = {
        place: router.predict_one(queries[place], top=top)
        for place, router in progress(replay(history, queries, target), "route", len(queries))
    }
    return [row for place, query in enumerate(queries) for row in _rows(query, found[place])]


def replay(history: Sequence[Incident], queries: Sequence[Incident], target: Target) -> Iterator[tuple[int, Router]]:
    """Per query, in order of opening: its place in `queries`, and a router that knows what was known by then."""
    if not queries:
        return
    columns = frozenset(column for query in queries for column, value in query.fields.items() if value)
    told = with_helpers(history, columns, target)
    first = min(query.opened_at for query in queries)
    live = sum(incident.opened_at >= first for incident in told) > _LIVE_SHARE * len(queries)
    waiting = sorted(told, key=lambda incident: incident.known_from, reverse=True)
    desk = _Desk(Router(target=target, columns=columns, online=live), _REFIT_GROWTH if live else _COMPLETED)
    for place in sorted(range(len(queries)), key=lambda place: (queries[place].opened_at, place)):
        arrived = _known_before(waiting, queries[place].opened_at)
        desk.learn(arrived if live else [_of_the_past(incident, first) for incident in arrived])
        yield place, desk.router


def _of_the_past(incident: Incident, end: datetime) -> Incident:
    """An incident of a history that ended at `end`: what became known later tells of the time when it was opened.

    Only what took long becomes known after the end. By its closing it would soon be all that is recent, and who tidies
    up old incidents would come first for everything.
    """
    return replace(incident, closed_at=None) if incident.known_from >= end else incident


def with_helpers(history: Sequence[Incident], columns: frozenset[str], target: Target) -> list[Incident]:
    """`history` with who worked on each incident, as columns tell that only the history has."""
    known = {_answer(incident, target) for incident in history} - {""}
    later = {column for incident in history for column in incident.fields} - columns
    naming = sorted(column for column in later if _names(history, column, known))
    return [_helped(incident, naming) for incident in history] if naming else list(history)


def _names(history: Sequence[Incident], column: str, known: set[str]) -> bool:
    parts = [part for incident in history for part in _parts(incident.fields.get(column, ""))]
    return bool(parts) and sum(part in known for part in parts) >= _NAME_SHARE * len(parts)


def _helped(incident: Incident, naming: Sequence[str]) -> Incident:
    found = [part for column in naming for part in _parts(incident.fields.get(column, ""))]
    fix = incident.resolution or Resolution()
    return replace(incident, resolution=replace(fix, involved=(*fix.involved, *found))) if found else incident


def _parts(value: str) -> list[str]:
    return [part for part in _PARTS.split(value.strip()) if part]


def _answer(incident: Incident, target: Target) -> str:
    if incident.resolution is None:
        return ""
    return incident.resolution.team if target == "team" else incident.resolution.resolver


class _Desk:
    """A router that is fitted to what is known, and again when that has grown enough."""

    def __init__(self, router: Router, growth: float) -> None:
        self.router = router
        self.growth = growth  # of the known history by which it must grow before that
        self.known: list[Incident] = []
        self.fitted = 0  # how many of them the linear models know

    def learn(self, arrived: Sequence[Incident]) -> None:
        """Take in what became known."""
        if not arrived:
            return
        self.known += arrived
        if not self.fitted or len(self.known) >= (1 + self.growth) * self.fitted:
            self.router.fit(self.known)
            self.fitted = len(self.known)
            return
        for incident in arrived:
            self.router.learn_one(incident)


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
