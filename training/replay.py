"""What another model or other settings would have made of stored history: regroup it and tell the difference."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from inspect import signature
from typing import Any

from engine.correlate import Correlator
from engine.domain import Alert, AlertStatus, Edge, ModelPart
from engine.errors import InvalidInput
from engine.handling.live import as_fired
from engine.store import alerts as alert_rows
from engine.store import incidents as incident_rows
from engine.store import reference
from engine.store.records import Origin, StoredAlert
from engine.store.store import Store
from training.benchmarks.grouping import bcubed, metrics
from training.correlate import Replay
from training.progress import Track, quiet

SIZES = ("1", "2-5", "6-20", "21-100", "over 100")
_EDGES = (1, 5, 20, 100)
_EXAMPLES = 10
_REPAIR = "repair."  # before the names of the repair's settings
_KEPT = 0.05  # share of an incident below which a piece of it is not worth telling


@dataclass(kw_only=True)
class Recorded:
    """Deliveries in the order received; beside each, the incident it was put into and the one it is known to belong to.

    Both are "" where nobody said so.
    """

    alerts: list[Alert] = field(default_factory=list)
    placed: list[str] = field(default_factory=list)
    confirmed: list[str] = field(default_factory=list)
    edges: Sequence[Edge] = ()
    closes: bool = False  # an incident takes nothing new once all its alerts have ended, as in the service


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One incident that several became, or that fell into several: the largest parts, by id and alerts."""

    incident_id: str
    title: str
    alerts: int
    parts: list[tuple[str, int]]


@dataclass(frozen=True, kw_only=True)
class Grouped:
    """One way of grouping: what is counted."""

    incidents: int  # each one pages somebody once
    largest: int
    sizes: dict[str, int]  # incidents by size
    by_day: dict[str, int]  # incidents opened, by UTC day
    quality: dict[str, float] | None  # against what is confirmed; None where nothing is


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What would have changed."""

    alerts: int
    confirmed: int  # alerts whose incident is known for certain
    before: Grouped
    after: Grouped
    pages_saved: int  # incidents opened less; negative: more
    same_company: float  # 0..1, B-cubed F1 of one grouping against the other: 1 is no change at all
    merged: list[Piece]  # incidents that several of before would be
    split: list[Piece]  # incidents of before that would be several


def from_store(store: Store, since: datetime, until: datetime) -> Recorded:
    """What was received in `[since, until)`: beginnings and ends of each alert.

    Confirmed is what an operator pinned, and every alert of an incident that was closed with a resolution. Planned work
    is left out.
    """
    with store.read() as link:
        stored = list(alert_rows.history(link, since, until))
        known = incident_rows.by_ids(link, {one.membership.incident_id for one in stored})
        found = Recorded(edges=reference.edges(link), closes=True)
    planned = {name for name, record in known.items() if record.origin is Origin.MAINTENANCE}
    fixed = {name for name, record in known.items() if record.incident.resolution is not None}
    told = [
        (at, place, alert, one.membership.incident_id, one.membership.pinned)
        for place, one in enumerate(stored)
        if one.membership.incident_id not in planned
        for at, alert in _deliveries(one)
    ]
    for _, _, alert, incident_id, pinned in sorted(told, key=lambda each: each[:2]):
        found.alerts.append(alert)
        found.placed.append(incident_id)
        found.confirmed.append(incident_id if pinned or incident_id in fixed else "")
    return found


def correlator(part: ModelPart | None, edges: Sequence[Edge], settings: Mapping[str, Any]) -> Correlator:
    """A correlator of a model (None: as shipped), with `settings` in place of its own."""
    if part is None:
        return Correlator(topology=edges, **settings)
    data = {**part.data, "settings": {**part.data.get("settings", {}), **settings}}
    return Correlator.from_part(replace(part, data=data), edges)


def read_settings(words: Sequence[str]) -> dict[str, Any]:
    """Settings of the correlator from words such as `keep_h=8` and `repair.move_margin=2`.

    Raises
    ------
    InvalidInput
        If a word is no `name=number` or names no setting; the message lists those there are.

    Examples
    --------
    >>> read_settings(["keep_h=8"])
    {'keep_h': 8.0}
    """
    own = {name: each.default for name, each in signature(Correlator).parameters.items()}
    repair = own["repair"]
    known = {name: default for name, default in own.items() if isinstance(default, int | float)}
    known |= {f"{_REPAIR}{each.name}": getattr(repair, each.name) for each in fields(repair)}
    found: dict[str, Any] = {}
    for word in words:
        name, _, value = word.partition("=")
        if name not in known:
            raise InvalidInput(f"no setting {name}: there are {', '.join(known)}")
        found[name] = _number(name, value, type(known[name]))
    changes = {name.removeprefix(_REPAIR): found.pop(name) for name in list(found) if name.startswith(_REPAIR)}
    return found | ({"repair": replace(repair, **changes)} if changes else {})


def regroup(recorded: Recorded, by: Correlator, progress: Track = quiet, title: str = "replay") -> list[str]:
    """The incident of each delivery, as `by` would have had it in the end."""
    replay = Replay(by)
    firing: dict[str, set[str]] = defaultdict(set)  # incident -> members that have not ended
    for alert in progress(recorded.alerts, title, len(recorded.alerts)):
        replay.take(alert)
        if recorded.closes:
            _close(replay, alert, firing)
    replay.revise()
    return [row.incident_id for row in replay.rows()]


def compare(recorded: Recorded, before: Sequence[str], after: Sequence[str], *, judged: bool = True) -> Difference:
    """What changes from one grouping to the other; `judged` False where `before` is itself what was confirmed."""
    firing = [place for place, alert in enumerate(recorded.alerts) if alert.status is AlertStatus.FIRING]
    alerts, confirmed = [recorded.alerts[at] for at in firing], [recorded.confirmed[at] for at in firing]
    old, new = [before[at] for at in firing], [after[at] for at in firing]
    was, would = _grouped(alerts, old, confirmed if judged else ()), _grouped(alerts, new, confirmed)
    return Difference(
        alerts=len(firing),
        confirmed=sum(map(bool, confirmed)),
        before=was,
        after=would,
        pages_saved=was.incidents - would.incidents,
        same_company=bcubed(old, new)[2] if old else 1.0,
        merged=_pieces(alerts, new, old),
        split=_pieces(alerts, old, new),
    )


def _deliveries(stored: StoredAlert) -> Iterator[tuple[datetime, Alert]]:
    alert = stored.membership.alert
    yield alert.received_at, as_fired(alert)
    if alert.status is AlertStatus.RESOLVED and alert.ends_at is not None:
        yield max(alert.ends_at, alert.received_at), alert


def _close(replay: Replay, alert: Alert, firing: dict[str, set[str]]) -> None:
    head = replay.heads[-1]
    incident_id = replay.incident_of[head]
    if alert.status is AlertStatus.FIRING:
        firing[incident_id].add(head)
        return
    firing[incident_id].discard(head)
    if not firing[incident_id]:
        replay.correlator.close(incident_id, alert.ends_at or alert.starts_at)


def _number(name: str, value: str, kind: type) -> float:
    try:
        return int(value) if kind is int else float(value)
    except ValueError:
        raise InvalidInput(f"{name} needs a number: {name}={'16' if kind is int else '2.5'}") from None


def _grouped(alerts: Sequence[Alert], groups: Sequence[str], confirmed: Sequence[str]) -> Grouped:
    sizes: Counter[str] = Counter(groups)
    first: dict[str, date] = {}
    for alert, group in zip(alerts, groups, strict=True):
        first.setdefault(group, alert.starts_at.date())
    by_size = Counter(map(_size, sizes.values()))
    pairs = [(name, group) for name, group in zip(confirmed, groups, strict=False) if name]
    return Grouped(
        incidents=len(sizes),
        largest=max(sizes.values(), default=0),
        sizes={name: by_size[name] for name in SIZES},
        by_day={day.isoformat(): count for day, count in sorted(Counter(first.values()).items())},
        quality=metrics([name for name, _ in pairs], [group for _, group in pairs]) if pairs else None,
    )


def _size(count: int) -> str:
    return next((name for name, most in zip(SIZES, _EDGES, strict=False) if count <= most), SIZES[-1])


def _pieces(alerts: Sequence[Alert], whole: Sequence[str], parts: Sequence[str]) -> list[Piece]:
    """Groups of `whole` that hold several of `parts`, those with the most alerts outside their largest part first."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    titles: dict[str, str] = {}
    for alert, name, part in zip(alerts, whole, parts, strict=True):
        found[name][part] += 1
        titles.setdefault(name, alert.title)
    told = []
    for name, counts in found.items():
        total = counts.total()
        several = [(part, n) for part, n in counts.most_common() if n >= max(1.0, _KEPT * total)]
        if len(several) > 1:
            told.append(Piece(incident_id=name, title=titles[name], alerts=total, parts=several[:_EXAMPLES]))
    return sorted(told, key=lambda one: one.parts[0][1] - one.alerts)[:_EXAMPLES]
