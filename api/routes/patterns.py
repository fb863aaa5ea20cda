"""Patterns: load that recurs, and when it comes next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import Query

from api.desk import AtDesk, may, router
from api.schemas.answers import NamedPatternOut, UpcomingOut
from engine.clock import utc_now
from engine.pathfinder import Upcoming
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
