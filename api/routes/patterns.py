"""Patterns: load that recurs, and when it comes next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import Query, Response

from api.desk import AtDesk, may, router
from api.schemas.patterns import CrossingOut, JoinedOut, NamedPatternOut, SilenceOut, UpcomingOut
from engine.answering.recurring import Crossing, JoinedPattern
from engine.clock import utc_now
from engine.pathfinder import Upcoming
from engine.patterns.feeds import calendar_feed, silences
from engine.store.records import NamedPattern, Scope

routes = router("patterns")


@routes.get("/v1/patterns", dependencies=[may(Scope.READ)], response_model=list[NamedPatternOut])
def list_patterns(desk: AtDesk) -> Sequence[NamedPattern]:
    """The recurring loads that the latest retrain found."""
    return desk.pathfinder.patterns()


@routes.get("/v1/patterns/upcoming", dependencies=[may(Scope.READ)], response_model=list[UpcomingOut])
def list_upcoming(
    desk: AtDesk,
    days: Annotated[int, Query(ge=1, le=28)] = 7,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> Sequence[Upcoming]:
    """Their coming occurrences, soonest first."""
    return desk.pathfinder.upcoming(utc_now(), days)[:limit]


@routes.get("/v1/patterns/calendar.ics", dependencies=[may(Scope.READ)], response_class=Response)
def give_calendar(desk: AtDesk) -> Response:
    """All patterns as an iCalendar feed: one recurring event each, with rule and zone, for any calendar."""
    known = {named.id: named.pattern for named in desk.pathfinder.patterns()}
    return Response(calendar_feed(known, utc_now()), media_type="text/calendar; charset=utf-8")


@routes.get("/v1/patterns/silences", dependencies=[may(Scope.READ)], response_model=list[SilenceOut])
def propose_silences(desk: AtDesk, days: Annotated[int, Query(ge=1, le=28)] = 7) -> list[dict[str, object]]:
    """Silences over their likely occurrences, as Alertmanager's API takes them. Nothing is silenced by asking."""
    known = {named.id: named.pattern for named in desk.pathfinder.patterns()}
    return silences(known, utc_now(), days)


@routes.get("/v1/patterns/incidents", dependencies=[may(Scope.READ)], response_model=list[JoinedOut])
def join_incidents(desk: AtDesk, days: Annotated[int, Query(ge=7, le=400)] = 90) -> Sequence[JoinedPattern]:
    """Which patterns incidents, alerts and changes of their service came with, against chance, with advice."""
    return desk.pathfinder.joined(utc_now(), days)


@routes.get("/v1/patterns/capacity", dependencies=[may(Scope.READ)], response_model=list[CrossingOut])
def find_crossings(
    desk: AtDesk,
    weeks: Annotated[float, Query(gt=0, le=520)] = 26,
    limit: Annotated[float | None, Query(description="in units of the metric; else 95 % where it is a share")] = None,
) -> Sequence[Crossing]:
    """Recurring loads that grow past a limit within some weeks, the nearest first."""
    return desk.pathfinder.crossings(utc_now(), weeks, limit)
