"""The console's pages: what is open, why, what fixed such before, who should take it, which load is coming."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import parse_qs

from fastapi import Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.console.reference import operations
from api.desk import AtDesk, Desk, router
from api.schemas.requests import Id
from api.security import allowed
from engine.answering.recurring import JoinedPattern
from engine.clock import utc_now
from engine.domain import IncidentStatus
from engine.errors import NotFound
from engine.lazy import lazy
from engine.lifecycle.explanation import explain
from engine.patterns.occurrences import sentence
from engine.store.records import Scope

if TYPE_CHECKING:
    import jinja2
else:
    jinja2 = lazy("jinja2")

routes = router("console")

_HERE = Path(__file__).parent
_COOKIE = "pathfinder_key"
_DAY_S = 86_400
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_MOST_OPEN, _MOST_MUTED, _MOST_ALERTS, _MOST_UPCOMING, _MOST_EVENTS = 30, 10, 40, 12, 12


def _span(seconds: float) -> str:
    """A stretch of time for people: `3 min`, `5 h`, `12 d`."""
    for size, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if abs(seconds) >= size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} s"


def _ago(moment: datetime, now: datetime) -> str:
    seconds = (now - moment).total_seconds()
    return f"{_span(seconds)} ago" if seconds >= 0 else f"in {_span(-seconds)}"


@cache
def _pages() -> jinja2.Environment:
    """The templates, read when the first page is asked for."""
    loader = jinja2.FileSystemLoader(_HERE / "templates")
    pages = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    pages.filters.update(
        ago=_ago,
        span=_span,
        percent=lambda share: f"{share:.0%}",
        clock=lambda moment: f"{moment:%a %d %b %H:%M}",
        why=explain,
    )
    return pages


def _page(name: str, values: Mapping[str, Any]) -> HTMLResponse:
    return HTMLResponse(_pages().get_template(name).render(values), headers=_HEADERS)


async def _may_read(request: Request, desk: Desk) -> bool:
    """Whether the cookie holds a key that may read. The cookie opens these pages only, never the API."""
    key = await desk.keys.find(request.cookies.get(_COOKIE, ""))
    return key is not None and allowed(key, Scope.READ)


@routes.get("/", include_in_schema=False)
async def overview(request: Request, desk: AtDesk, incident: Annotated[Id | None, Query()] = None) -> Response:
    """Open incidents beside everything known about one of them; the sign-in form without a key."""
    if not await _may_read(request, desk):
        return _page("sign_in.html", {"wrong": False})
    return await run_in_threadpool(_overview, desk, incident)


def _overview(desk: Desk, chosen: str | None) -> Response:
    engine, now = desk.pathfinder, utc_now()
    found = engine.incidents(status=IncidentStatus.OPEN, muted=False, limit=_MOST_OPEN)
    recent = engine.incidents(status=IncidentStatus.RESOLVED, limit=8)
    chosen = chosen or (found[0].id if found else None)
    values = {
        "now": now,
        "open": found,
        "muted": engine.incidents(status=IncidentStatus.OPEN, muted=True, limit=_MOST_MUTED),
        "recent": recent,
        "shown": _about(desk, chosen, now) if chosen else None,
        "upcoming": engine.upcoming(now, 7)[:_MOST_UPCOMING],
        "joined": _clear(desk, now),
        "crossings": engine.crossings(now)[:_MOST_UPCOMING],
        "health": engine.health(),
    }
    return _page("overview.html", values)


def _clear(desk: Desk, now: datetime) -> list[tuple[str, JoinedPattern]]:
    """Patterns in words beside what clearly came with them."""
    words = {named.id: sentence(named.pattern) for named in desk.pathfinder.patterns()}
    found = [one for one in desk.pathfinder.joined(now) if one.advice and one.id in words]
    return [(words[one.id], one) for one in found[:_MOST_UPCOMING]]


def _about(desk: Desk, incident_id: str, now: datetime) -> Mapping[str, Any] | None:
    try:
        record = desk.pathfinder.record(incident_id)
    except NotFound:
        return None
    members = desk.pathfinder.members(incident_id, limit=_MOST_ALERTS)
    triage = desk.pathfinder.triage(incident_id, now)
    events = desk.pathfinder.timeline(incident_id)[-_MOST_EVENTS:]
    about = {"record": record, "incident": record.incident, "members": members}
    return {**about, "triage": triage, "events": events[::-1]}


@routes.post("/sign-in", include_in_schema=False)
async def sign_in(request: Request, desk: AtDesk) -> Response:
    """Keep a key that may read in a cookie that scripts and other sites cannot use."""
    form = parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=4)
    token = form.get("key", [""])[0].strip()
    key = await desk.keys.find(token)
    if key is None or not allowed(key, Scope.READ):
        return _page("sign_in.html", {"wrong": True})
    to_overview = RedirectResponse("/", status_code=303, headers=_HEADERS)
    https = request.url.scheme == "https"
    to_overview.set_cookie(_COOKIE, token, max_age=_DAY_S, httponly=True, samesite="strict", secure=https)
    return to_overview


@routes.post("/sign-out", include_in_schema=False)
async def sign_out() -> Response:
    """Forget the key."""
    to_sign_in = RedirectResponse("/", status_code=303, headers=_HEADERS)
    to_sign_in.delete_cookie(_COOKIE, httponly=True, samesite="strict")
    return to_sign_in


@routes.get("/console.css", include_in_schema=False)
async def style() -> Response:
    """How it looks."""
    headers = {**_HEADERS, "Cache-Control": "max-age=3600"}
    return Response(_STYLE, media_type="text/css", headers=headers)


_STYLE = (_HERE / "static" / "console.css").read_text(encoding="utf-8")


@routes.get("/docs", include_in_schema=False)
async def reference(request: Request) -> Response:
    """The API on one page, made from /openapi.json, readable without the internet."""
    return _page("reference.html", {"groups": operations(request.app.openapi())})
