"""The firm's rules of routing: limits, rotas, ownership, reorganisations; giving out, and how well it goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import Path

from api.desk import AtDesk, may, router
from api.schemas.answers import Problem, Stored
from api.schemas.people import GivenOut, RotaOut, WatchOut
from api.schemas.requests import AssignmentIn, Id, OwnedIn, OwnershipIn, PolicyIn, RenamesIn, RotaIn
from engine.answering.dispatching import Given
from engine.clock import utc_now
from engine.route import Policy, Requirement
from engine.route.ownership import Ownership, read_owners
from engine.route.rota import Rota
from engine.route.watch import Watch
from engine.store.records import Scope

routes = router("routing")
RotaId = Annotated[Id, Path(description="such as database")]
_UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"model": Problem}}


@routes.get("/v1/routing/policy", dependencies=[may(Scope.READ)], response_model=PolicyIn)
def show_policy(desk: AtDesk) -> Policy:
    """Limits beyond which somebody is not asked, required skills, and what load costs."""
    return desk.pathfinder.policy()


@routes.put("/v1/routing/policy", dependencies=[may(Scope.ADMIN)], response_model=PolicyIn)
def put_policy(told: PolicyIn, desk: AtDesk) -> Policy:
    """Replace them."""
    own = told.model_dump(exclude={"required", "load_cost"})
    required = tuple(Requirement(**one.model_dump()) for one in told.required)
    p1, p2, p3, p4 = told.load_cost
    return desk.pathfinder.put_policy(Policy(required=required, load_cost=(p1, p2, p3, p4), **own))


@routes.get("/v1/rotas", dependencies=[may(Scope.READ)], response_model=list[RotaOut])
def list_rotas(desk: AtDesk) -> Sequence[Rota]:
    """Who takes turns on call, by id."""
    return desk.pathfinder.rotas()


@routes.put("/v1/rotas/{rota_id}", dependencies=[may(Scope.ADMIN)], responses=_UNKNOWN, response_model=RotaOut)
def put_rota(rota_id: RotaId, told: RotaIn, desk: AtDesk) -> Rota:
    """Create or replace; turns change by the wall clock of its zone."""
    return desk.pathfinder.put_rota(
        Rota(
            id=rota_id,
            members=tuple(told.members),
            starts_at=told.starts_at,
            turn_days=told.turn_days,
            timezone=told.timezone,
            team=told.team,
        )
    )


@routes.delete("/v1/rotas/{rota_id}", status_code=204, dependencies=[may(Scope.ADMIN)], responses=_UNKNOWN)
def delete_rota(rota_id: RotaId, desk: AtDesk) -> None:
    """Remove."""
    desk.pathfinder.delete_rota(rota_id)


@routes.get("/v1/routing/ownership", dependencies=[may(Scope.READ)], response_model=list[OwnedIn])
def show_ownership(desk: AtDesk) -> Sequence[Ownership]:
    """Who looks after what."""
    return desk.pathfinder.ownership()


@routes.put("/v1/routing/ownership", dependencies=[may(Scope.ADMIN)])
def put_ownership(told: OwnershipIn, desk: AtDesk) -> Stored:
    """Replace it: it stands in for a history where there is none yet."""
    owned = [Ownership(about=one.about, owners=tuple(one.owners), text=one.text) for one in told.owned]
    return Stored(stored=desk.pathfinder.put_ownership([*owned, *read_owners(told.file)], utc_now()))


@routes.get("/v1/routing/renames", dependencies=[may(Scope.READ)])
def show_renames(desk: AtDesk) -> Mapping[str, str]:
    """New names of teams and people by their old ones."""
    return desk.pathfinder.renames()


@routes.put("/v1/routing/renames", dependencies=[may(Scope.ADMIN)])
def put_renames(told: RenamesIn, desk: AtDesk) -> Mapping[str, str]:
    """Replace them after a reorganisation: the past is learned again under the new names."""
    return desk.pathfinder.put_renames(told.names)


@routes.post(
    "/v1/routing/assignments",
    dependencies=[may(Scope.OPERATE)],
    responses=_UNKNOWN,
    response_model=list[GivenOut],
)
def give_out(told: AssignmentIn, desk: AtDesk) -> Sequence[Given]:
    """Give out open incidents together, at the least cost for all of them."""
    return desk.pathfinder.assign(told.incidents, utc_now(), keep=told.keep)


@routes.get("/v1/routing/watch", dependencies=[may(Scope.READ)], response_model=WatchOut)
def show_watch(desk: AtDesk) -> Watch:
    """How often routing named who resolved it, how true its probabilities were, and how it spread the load, by week."""
    return desk.pathfinder.routing_watch()
