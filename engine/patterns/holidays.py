"""Public holidays: which days they are, and patterns that do not come on them or come on another day instead."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

import numpy as np

from engine.errors import InvalidInput
from engine.lazy import lazy

public = lazy("holidays")

_REACH_DAYS = 6  # from a holiday, within which a working day is looked for
_LEAST = 2  # holidays on which a pattern could have come before anything is said of them


@lru_cache(maxsize=128)
def country_of(timezone: str) -> str:
    """The country (ISO 3166) whose zone this is, "" where it is that of none, such as UTC.

    Examples
    --------
    >>> country_of("Europe/Amsterdam"), country_of("UTC")
    ('NL', '')
    """
    for line in files("tzdata").joinpath("zoneinfo", "zone.tab").read_text(encoding="utf-8").splitlines():
        parts = line.split("\t")
        if not line.startswith("#") and len(parts) > 2 and parts[2] == timezone:
            return parts[0]
    return ""


def holidays_of(country: str, days: np.ndarray) -> np.ndarray:
    """Which of `days` (datetime64[D]) are public holidays of `country`: bool (days,); none of them for "".

    Raises
    ------
    InvalidInput
        If nothing is known of the country.
    """
    if not country or not len(days):
        return np.zeros(len(days), dtype=bool)
    years = range(days[0].item().year, days[-1].item().year + 1)
    return np.isin(days, np.array(sorted(day for year in years for day in _of_year(country, year)), "datetime64[D]"))


@lru_cache(maxsize=256)
def _of_year(country: str, year: int) -> tuple[np.datetime64, ...]:
    try:
        return tuple(np.datetime64(day, "D") for day in public.country_holidays(country, years=year))
    except NotImplementedError:
        raise InvalidInput(f"no public holidays are known of {country}: give an ISO 3166 country such as NL") from None


def stays_away(hits: np.ndarray, days: np.ndarray, country: str) -> bool:
    """Whether a pattern with these hits on these days (datetime64[D]) leaves out public holidays: all, or all but one.

    It must come nearly always otherwise: two misses in a row of many say nothing.
    """
    if (~hits).sum() < _LEAST - _LEAST // 4 or hits.mean() < 0.5:  # too few misses, or too many: no calendar is needed
        return False
    try:
        off = holidays_of(country, days)
    except InvalidInput:
        return False
    if off.sum() < _LEAST or not (~off).any():
        return False
    usual, there = float(hits[~off].mean()), int(hits[off].sum())
    missed = int(off.sum()) - there
    return usual > 0.6 and there <= off.sum() // 4 and (1.0 - usual) ** missed < 0.05


def moved(days: np.ndarray, country: str, shift: int) -> np.ndarray:
    """`days` (datetime64[D]) with public holidays replaced by the next working day (`shift` 1) or the one before (-1).

    Examples
    --------
    >>> [str(day) for day in moved(np.array(["2026-04-27", "2026-04-28"], "datetime64[D]"), "NL", 1)]
    ['2026-04-28', '2026-04-28']
    """
    if not shift or not country or not len(days):
        return days
    span = np.arange(days.min() - _REACH_DAYS, days.max() + _REACH_DAYS + 1)
    off = holidays_of(country, span)
    works = ~off & np.is_busday(span)
    at = days - span[0]
    index = at.astype(int)
    for _ in range(_REACH_DAYS):
        index = np.where(off[at.astype(int)] & ~works[index], np.clip(index + shift, 0, len(span) - 1), index)
    return np.asarray(span[index])
