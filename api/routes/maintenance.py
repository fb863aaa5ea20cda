"""What keeps alerts quiet: maintenance windows and inhibition rules. Muted alerts are stored and shown as any other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Path, Request

from api.desk import AtDesk, may, router
from api.schemas.answers import Problem
from api.schemas.quiet import RuleIn, RuleOut, WindowIn, WindowOut
from api.schemas.requests import Id
from api.security import actor
from engine.clock import utc_now
from engine.lifecycle.inhibition import Rule
from engine.lifecycle.maintenance import WindowState
from engine.store.records import Scope

routes = router("maintenance")
WindowId = Annotated[Id, Path(description="such as MW-7")]
RuleId = Annotated[Id, Path(description="such as IR-7")]
_READ: dict[str, Any] = {"dependencies": [may(Scope.READ)]}
_OPERATE: dict[str, Any] = {"dependencies": [may(Scope.OPERATE)]}
_UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"model": Problem}}


@routes.get("/v1/maintenance", **_READ)
def list_windows(desk: AtDesk, state: WindowState | None = None) -> list[WindowOut]:
    """Maintenance windows, first beginning first: all, or those that are active, pending or over."""
    now = utc_now()
    told = [WindowOut.of(window, now) for window in desk.pathfinder.windows()]
    return [one for one in told if state in (None, one.state)]


@routes.post("/v1/maintenance", status_code=201, **_OPERATE)
def add_window(told: WindowIn, request: Request, desk: AtDesk) -> WindowOut:
    """Plan work. Its alerts are muted from `starts_at` to `ends_at`, in an incident of their own.

    Muted are alerts that begin inside; one that fired before stays loud. What outlives the work becomes loud when it
    ends, as an incident like any other. A window may be told late: what began inside and fires is muted at once.
    """
    now = utc_now()
    return WindowOut.of(desk.pathfinder.add_window(told.window(created_by=actor(request)), now), now)


@routes.get("/v1/maintenance/{window_id}", responses=_UNKNOWN, **_READ)
def show_window(window_id: WindowId, desk: AtDesk) -> WindowOut:
    """One of them."""
    return WindowOut.of(desk.pathfinder.window(window_id), utc_now())


@routes.put("/v1/maintenance/{window_id}", responses={**_UNKNOWN, 409: {"model": Problem}}, **_OPERATE)
def replace_window(window_id: WindowId, told: WindowIn, desk: AtDesk) -> WindowOut:
    """Plan it otherwise: all that fires is judged again. 409 if it was ended."""
    now = utc_now()
    return WindowOut.of(desk.pathfinder.replace_window(told.window(window_id), now), now)


@routes.delete("/v1/maintenance/{window_id}", status_code=204, responses=_UNKNOWN, **_OPERATE)
def end_window(window_id: WindowId, desk: AtDesk) -> None:
    """The work is done, or off: what of it still fires is loud from now on. One that has begun stays on record."""
    desk.pathfinder.end_window(window_id, utc_now())


@routes.get("/v1/inhibitions", response_model=list[RuleOut], **_READ)
def list_rules(desk: AtDesk) -> Sequence[Rule]:
    """Inhibition rules: which alerts explain which others."""
    return desk.pathfinder.rules()


@routes.post("/v1/inhibitions", status_code=201, response_model=RuleOut, **_OPERATE)
def add_rule(told: RuleIn, request: Request, desk: AtDesk) -> Rule:
    """While an alert that meets `source` fires, alerts that meet `target` and agree in `equal` are muted.

    Whichever comes first. What meets both sides is not muted by others that do; of alerts that explain each other in a
    circle the one that began first is heard.
    """
    return desk.pathfinder.add_rule(told.rule(created_by=actor(request)), utc_now())


@routes.get("/v1/inhibitions/{rule_id}", response_model=RuleOut, responses=_UNKNOWN, **_READ)
def show_rule(rule_id: RuleId, desk: AtDesk) -> Rule:
    """One of them."""
    return desk.pathfinder.rule(rule_id)


@routes.put("/v1/inhibitions/{rule_id}", response_model=RuleOut, responses=_UNKNOWN, **_OPERATE)
def replace_rule(rule_id: RuleId, told: RuleIn, desk: AtDesk) -> Rule:
    """Say it otherwise: all that fires is judged again."""
    return desk.pathfinder.replace_rule(told.rule(rule_id), utc_now())


@routes.delete("/v1/inhibitions/{rule_id}", status_code=204, responses=_UNKNOWN, **_OPERATE)
def delete_rule(rule_id: RuleId, desk: AtDesk) -> None:
    """Take it back: what it muted is loud from now on."""
    desk.pathfinder.delete_rule(rule_id, utc_now())
