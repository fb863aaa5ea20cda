"""Metric samples from Prometheus, or whatever speaks its query API: range queries, some days at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import urlopen

import pandas as pd

from engine.errors import InvalidInput, Unavailable
from training.progress import Track, quiet

_STEP_S = 300
_CHUNK = timedelta(days=7)  # 2,016 points a series: well below the 11,000 that servers allow
_TIMEOUT_S = 60
_SERVICE = ("service", "job", "app", "namespace")  # labels that may name it, the first that is there
_HOST = ("instance", "host", "node", "pod")

Fetch = Callable[[str], bytes]


def get(url: str) -> bytes:
    """The body at `url`. Raises Unavailable where it cannot be had."""
    try:
        with urlopen(url, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - `read` lets only http and https pass
            return bytes(answer.read())
    except (URLError, TimeoutError) as error:
        raise Unavailable(f"the metrics server does not answer: {error}") from None


def read(
    server: str, query: str, since: datetime, until: datetime, *, progress: Track = quiet, fetch: Fetch = get
) -> pd.DataFrame:
    """What `query` gave from `since` to `until`, in the form of `read_metrics`: ts, service, host, metric, value.

    Raises
    ------
    InvalidInput
        If `server` is no http address, or it does not accept the query.
    Unavailable
        If it does not answer.
    """
    if urlsplit(server).scheme not in ("http", "https"):
        raise InvalidInput("the address of the metrics server begins with http:// or https://")
    starts = pd.date_range(since, until, freq=_CHUNK, inclusive="left")
    rows: list[dict[str, Any]] = []
    for start in progress(starts, "metrics", len(starts)):
        end = min(start + _CHUNK, pd.Timestamp(until)) - timedelta(seconds=1)
        asked = {"query": query, "start": start.timestamp(), "end": end.timestamp(), "step": _STEP_S}
        rows += _rows(fetch(f"{server.rstrip('/')}/api/v1/query_range?{urlencode(asked)}"), query)
    frame = pd.DataFrame(rows, columns=["ts", "service", "host", "metric", "value"])
    frame["ts"] = pd.to_datetime(frame["ts"], unit="s", utc=True)
    frame["value"] = pd.to_numeric(frame["value"], errors="coerce")
    return frame.dropna(subset=["value"]).reset_index(drop=True)


def _rows(body: bytes, query: str) -> list[dict[str, Any]]:
    """One row a sample of an answer."""
    try:
        answer = json.loads(body)
    except ValueError:
        raise InvalidInput("the metrics server did not answer in JSON: is this its address?") from None
    if answer.get("status") != "success":
        raise InvalidInput(f"the metrics server refused the query: {answer.get('error', 'no reason given')}")
    rows = []
    for series in answer.get("data", {}).get("result", []):
        labels = series.get("metric", {})
        names = {"service": _first(labels, _SERVICE), "host": _first(labels, _HOST), "metric": _name(labels, query)}
        rows += [{"ts": float(ts), **names, "value": value} for ts, value in series.get("values", [])]
    return rows


def _first(labels: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((labels[name] for name in names if labels.get(name)), "")


def _name(labels: Mapping[str, str], query: str) -> str:
    """The metric with the labels that are neither service nor host: two disks are two series."""
    rest = [f"{k}={v}" for k, v in sorted(labels.items()) if k not in ("__name__", *_SERVICE, *_HOST)]
    name = labels.get("__name__") or query
    return f"{name}{{{','.join(rest)}}}" if rest else name
