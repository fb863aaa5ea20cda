"""What intake does in the long run: storms at their pace, a soak, a start over a large database. PathFinder alone."""

from __future__ import annotations

import json
import random
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from training.benchmarks.intake_servers import Server, again, new_key, pathfinder
from training.benchmarks.loader import Measured, load, request
from training.benchmarks.report import Row

_NAME = "PathFinder (durable, grouped)"
_STORM, _STORM_S, _TEN = 100_000, 60.0, 10  # alerts, seconds, alerts a delivery
_FIRING, _NEWS = 3_000, 500  # symptoms that fire before a storm, and begin in it
_FRESH = 0.3  # share of a harder storm's alerts that are told for the first time
_SOAK, _HUNDRED = 1_000_000, 100
# Of each hundred of the soak: new ones, and ends of those so many deliveries before; the rest is told again.
_NEW, _OVER, _LATER = 20, 20, 5
_PACE_S = 10  # of their own time between two deliveries of the soak: it outlasts what is remembered of alerts
_WARM = 0.2  # share of the soak after which memory should no longer grow
_ROWS = 1_000_000
_SETTLE_S = 120.0
_DATABASE = "pathfinder.db"
TO_BE_GROUPED = "SELECT coalesce(sum(alerts), 0) FROM inbox"
_TO_JUDGE = "SELECT count(*) FROM incidents WHERE status = 'open' AND alerts > 0 AND roots_at = 0"


def run(*, quick: bool, parts: Sequence[str]) -> list[Row]:
    """Those of storm, soak and start that are among `parts`; `quick` at a fiftieth of the size."""
    part, rows = 50 if quick else 1, []
    if "storm" in parts:
        rows += [_storm(part, fresh=False), _storm(part, fresh=True)]
    if "soak" in parts:
        rows.append(_soak(part))
    if "start" in parts:
        rows.append(_start(part))
    return rows


def _storm(part: int, *, fresh: bool) -> Row:
    """A storm of what fires already and some hundred new symptoms; where `fresh`, three in ten are new."""
    count, seconds = _STORM // part, _STORM_S / part
    now = datetime.now(UTC)
    firing, news = (0, round(count * _FRESH)) if fresh else (_FIRING // part, _NEWS // part)
    with tempfile.TemporaryDirectory(prefix="pathfinder-storm-") as place, pathfinder(Path(place)) as server:
        under_way(server, Path(place), _body(server, [_of_storm(-1, now)]))
        before = (_body(server, some) for some in _each_once(firing, now))
        load(server.port, before, connections=4, limit_s=120)
        bodies = (_body(server, part_of) for part_of in _storm_of(count, now, firing, news))
        found = load(server.port, bodies, connections=50, limit_s=4 * seconds + 60, every_s=seconds * _TEN / count)
        grouped_s = until_none(Path(place), TO_BE_GROUPED)
        settled_s = grouped_s + until_none(Path(place), _TO_JUDGE)
        metrics = _told(found, _TEN) | {
            "refused": float(sum(found.statuses.values()) - found.taken),
            "seconds": found.seconds,
            "grouped after s": grouped_s,
            "roots judged after s": settled_s,
            "memory MB": server.memory_mb(),
        }
        metrics["in no incident"] = counted(Path(place), "SELECT count(*) FROM alerts WHERE incident_id IS NULL")
    mix = "three in ten new" if fresh else f"{firing:,} symptoms again and again, {news} new ones"
    return Row(dataset=f"storm of {count:,} in {seconds:g} s, {mix}", method=_NAME, metrics=metrics)


def under_way(server: Server, folder: Path, first: bytes) -> None:
    """Return once the program has taken a `first` request whole: what it loads for that is part of a start alone."""
    load(server.port, [first], connections=1, limit_s=_SETTLE_S)
    if (folder / _DATABASE).exists():
        until_none(folder, TO_BE_GROUPED)


def _each_once(count: int, now: datetime) -> Iterator[list[dict[str, object]]]:
    for start in range(0, count, _HUNDRED):
        yield [_of_storm(one, now) for one in range(start, min(count, start + _HUNDRED))]


def _storm_of(count: int, now: datetime, firing: int, news: int) -> Iterator[list[dict[str, object]]]:
    """Symptoms are told again and again, and one after the other those begin that are new."""
    chance = random.Random(11)
    for number in range(count // _TEN):
        known = firing + min(news, (number + 1) * _TEN if not firing else news * number * _TEN // count)
        yield [_of_storm(chance.randrange(max(1, known)), now) for _ in range(_TEN)]


def _of_storm(number: int, now: datetime) -> dict[str, object]:
    return _alert(number, now - timedelta(seconds=number % 120))


def _soak(part: int) -> Row:
    count, place = _SOAK // part // _HUNDRED, tempfile.TemporaryDirectory(prefix="pathfinder-soak-")
    with place as name:
        folder = Path(name)
        token = new_key(folder)
        with again(folder, token) as server:
            bodies = (_body(server, alerts) for alerts in _soak_of(count, datetime.now(UTC)))
            warm = round(count * _WARM)
            _as_grouped(server, folder, bodies, warm)
            before = server.present_mb()
            found = _as_grouped(server, folder, bodies, count - warm)
            metrics = _told(found, _HUNDRED) | {
                "memory after warm-up MB": before,
                "memory MB": server.present_mb(),
                "growth": server.present_mb() / before - 1,
                "log MB": (folder / f"{_DATABASE}-wal").stat().st_size / 2**20,
            }
        return Row(dataset=f"soak of {count * _HUNDRED:,}", method=_NAME, metrics=metrics)


def _as_grouped(server: Server, folder: Path, bodies: Iterator[bytes], count: int) -> Measured:
    """Send `count` of `bodies`, each hundred once those before are grouped: the inbox takes more at once."""
    found = Measured()
    for start in range(0, count, _HUNDRED):
        part = list(islice(bodies, min(_HUNDRED, count - start)))
        some = load(server.port, part, connections=8, limit_s=3600)
        found.seconds += some.seconds + until_none(folder, TO_BE_GROUPED)
        found.waits_s += some.waits_s
        for status, times in some.statuses.items():
            found.statuses[status] = found.statuses.get(status, 0) + times
    return found


def _start(part: int) -> Row:
    """A start after kill -9 over many alerts of closed incidents, with thousands that fire."""
    rows, firing = _ROWS // part, _FIRING // part
    with tempfile.TemporaryDirectory(prefix="pathfinder-start-") as name:
        folder = Path(name)
        token = new_key(folder)
        with again(folder, token) as server:
            load(
                server.port,
                (_body(server, some) for some in _each_once(firing, datetime.now(UTC))),
                connections=4,
                limit_s=600,
            )
        _grow_old(folder, rows)
        for _ in range(2):  # the first one warms what the operating system keeps of files
            began = time.monotonic()
            with again(folder, token) as server:
                metrics = {"seconds": time.monotonic() - began}
                first = load(server.port, [_body(server, [_alert(-1, datetime.now(UTC))])], connections=1, limit_s=60)
                metrics["first answer ms"] = first.wait_ms(100)
                until_none(folder, TO_BE_GROUPED)
                metrics["grouping after s"] = time.monotonic() - began
                metrics["memory MB"] = server.memory_mb()
    return Row(dataset=f"start over {rows:,} old alerts, {firing:,} fire", method=_NAME, metrics=metrics)


def _soak_of(count: int, now: datetime) -> Iterator[list[dict[str, object]]]:
    """Symptoms that begin, are told again, and end, at one delivery in `_PACE_S` of their own time."""
    chance = random.Random(12)
    for number in range(count):
        at = now - timedelta(seconds=_PACE_S * (count - number))
        latest = number * _NEW
        again_from = max(0, latest - _LATER * _NEW)
        told = [_lived(one, now, count) for one in range(latest, latest + _NEW)]
        told += [_lived(one, now, count) for one in range(again_from - _OVER, again_from) if one >= 0]
        for one in told[_NEW:]:
            one["endsAt"] = _text(at)
        rest = _HUNDRED - len(told)
        told += [_lived(chance.randrange(again_from, latest + _NEW), now, count) for _ in range(rest)]
        yield told


def _lived(number: int, now: datetime, count: int) -> dict[str, object]:
    return _alert(number, now - timedelta(seconds=_PACE_S * (count - number // _NEW)))


def _alert(number: int, at: datetime) -> dict[str, object]:
    some = random.Random(number)
    service, host = f"service-{some.randrange(40)}", f"host-{some.randrange(200)}"
    return {
        "labels": {"alertname": f"Check{number % 7}", "service": service, "instance": host, "n": str(number)},
        "annotations": {"summary": f"{service} on {host} is unwell ({number})"},
        "startsAt": _text(at),
    }


def _text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _body(server: Server, alerts: list[dict[str, object]]) -> bytes:
    return request(server.path, json.dumps(alerts).encode(), server.headers)


def _told(found: Measured, size: int) -> dict[str, float]:
    rate = found.taken * size / max(found.seconds, 1e-9)
    return {
        "taken": float(found.taken * size),
        "alerts/s": rate,
        "p50 ms": found.wait_ms(50),
        "p99 ms": found.wait_ms(99),
    }


def counted(folder: Path, query: str) -> float:
    """What `query` counts in the database of the service in `folder`."""
    with closing(sqlite3.connect(folder / _DATABASE, timeout=30)) as link:
        return float(link.execute(query).fetchone()[0])


def until_none(folder: Path, query: str) -> float:
    """Seconds until there are none of what is counted."""
    began = time.monotonic()
    while counted(folder, query) and time.monotonic() - began < _SETTLE_S:
        time.sleep(0.2)
    return time.monotonic() - began


def _grow_old(folder: Path, rows: int) -> None:
    """Add so many alerts of incidents that were closed long ago, twenty to an incident: copies of one that is there."""
    old = "'2020-01-01 00:00:00.000000'"
    counted = f"WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {rows}) "  # noqa: S608
    incident = {"id": "'OLD-' || n", "status": "'resolved'", "opened_at": old, "closed_at": old, "revision": "1"}
    alert = {"id": "'old-' || n", "arrival": "-n", "fingerprint": "'f' || n", "incident_id": "'OLD-' || (n / 20 * 20)"}
    alert |= {"status": "'resolved'", "starts_at": old, "received_at": old, "ends_at": old}
    alert |= {"revision": "1"}
    with closing(sqlite3.connect(folder / _DATABASE, timeout=30)) as link:
        for table, own, every in (("incidents", incident, "WHERE n % 20 = 0"), ("alerts", alert, "WHERE n >= 20")):
            columns = [row[1] for row in link.execute(f"PRAGMA table_info({table})")]
            taken = ", ".join(f"{own.get(name, name)} AS {name}" for name in columns)
            one = f"(SELECT * FROM {table} LIMIT 1)"  # noqa: S608 - our own words, all of them
            link.execute(f"INSERT INTO {table} {counted} SELECT {taken} FROM number, {one} {every}")  # noqa: S608
        link.execute(f"INSERT INTO told SELECT id, 0, {old} FROM alerts WHERE arrival < 0")  # noqa: S608
        link.commit()
