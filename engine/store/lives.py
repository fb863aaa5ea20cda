"""The life of stored patterns: each chance that new samples or events passed is taken in, nothing is found anew."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import Connection, select, tuple_

from engine.domain import Pattern
from engine.patterns.watch import watched, watched_events
from engine.store import metrics
from engine.store.database import Write
from engine.store.rows import pattern_of_row, row_of_pattern
from engine.store.tables import AlertRow, PatternRow
from engine.store.writing import upsert
from engine.text import template

_MOST_DAYS = 36  # of samples or alerts that are read again
_CHUNK = 300  # series asked for at once


def follow_samples(tx: Write, touched: Collection[tuple[str, str, str]]) -> int:
    """Take in what the samples of some series (service, host, metric) say of their patterns; returns how many moved."""
    changed: dict[str, Pattern] = {}
    for key, pattern in _of_series(tx.link, sorted(touched)):
        names = (pattern.service, pattern.host, pattern.metric)
        seconds, values = metrics.after(tx.link, names, pattern.last_seen_at - timedelta(days=1), _MOST_DAYS)
        after = watched(pattern, seconds, values)
        if after != pattern:
            changed[key] = after
    return _kept(tx, changed)


def follow_events(tx: Write, until: datetime) -> int:
    """Take in what the alerts received by `until` say of patterns of events; returns how many patterns moved."""
    query = select(*PatternRow.__table__.columns).where(PatternRow.of_events)
    known = {row["id"]: pattern_of_row(row) for row in tx.link.execute(query).mappings()}
    changed: dict[str, Pattern] = {}
    for key, pattern in known.items():
        since = max(pattern.last_seen_at, until - timedelta(days=_MOST_DAYS)) - timedelta(hours=1)
        after = watched_events(pattern, _moments(tx.link, pattern, since, until), until)
        if after != pattern:
            changed[key] = after
    return _kept(tx, changed)


def moments_of_alerts(link: Connection, service: str, since: datetime, until: datetime) -> list[datetime]:
    """When alerts of a service began in `[since, until)`, in order of time; each once, however often it repeated."""
    query = select(AlertRow.starts_at).where(
        AlertRow.service == service, AlertRow.starts_at >= since, AlertRow.starts_at < until
    )
    return list(link.execute(query.order_by(AlertRow.starts_at)).scalars())


def _moments(link: Connection, pattern: Pattern, since: datetime, until: datetime) -> np.ndarray:
    """UTC seconds at which what a pattern of events is about happened."""
    query = select(AlertRow.starts_at, AlertRow.host, AlertRow.title).where(
        AlertRow.service == pattern.service, AlertRow.starts_at >= since, AlertRow.starts_at < until
    )
    found = [
        row.starts_at.timestamp()
        for row in link.execute(query)
        if (not pattern.host or row.host == pattern.host)
        and (not pattern.metric or template(row.title) == pattern.metric)
    ]
    return np.sort(np.array(found))


def _of_series(link: Connection, names: list[tuple[str, str, str]]) -> list[tuple[str, Pattern]]:
    """Stored patterns of levels of these series, under their ids."""
    place = tuple_(PatternRow.service, PatternRow.host, PatternRow.metric)
    found: list[tuple[str, Pattern]] = []
    for at in range(0, len(names), _CHUNK):
        query = select(*PatternRow.__table__.columns).where(place.in_(names[at : at + _CHUNK]), ~PatternRow.of_events)
        found += [(row["id"], pattern_of_row(row)) for row in link.execute(query).mappings()]
    return found


def _kept(tx: Write, changed: dict[str, Pattern]) -> int:
    upsert(tx.link, PatternRow, [{"id": key, **row_of_pattern(pattern)} for key, pattern in changed.items()])
    return len(changed)
