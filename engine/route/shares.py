"""Shares: who resolved similar incidents, by recency-weighted neighbours, per field and overall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.route.memory import Floats, Ints, Memory, column_of
from engine.route.reading import Reading

NEIGHBOURS = 60
_SMOOTH = 0.5  # pseudo-incidents that stand behind every share
_STEEP_FIELDS = 6  # power of agreement: near-equal incidents count, half-equal ones hardly


@dataclass(frozen=True, slots=True)
class Setting:
    """What the shares are made with: half-lives in days, and how telling each column is (0 and up)."""

    short_days: float = 30.0
    long_days: float = 365.0
    importance: Mapping[str, float] | None = None


def shares(memory: Memory, reading: Reading, day: float, setting: Setting) -> Floats:
    """Opinions (people, signals without the linear ones): logarithms of shares, higher is likelier.

    `day` is the moment of asking; rows that became known at or after it are not looked at.
    """
    who, alive = memory.who.seen(), memory.alive.seen() * (memory.day.seen() < day)
    people, age = len(memory.people), np.maximum(day - memory.day.seen(), 0.0)
    importance = setting.importance or {}
    short, long = alive * 0.5 ** (age / setting.short_days), alive * 0.5 ** (age / setting.long_days)
    prior_short, prior_long = _prior(who, short, people), _prior(who, long, people)
    text = memory.likeness(reading.words) ** 2 if reading.words else None
    marks = memory.agreement(reading.marks, importance) ** _STEEP_FIELDS if reading.marks else None
    columns = []
    for likeness in (text, marks):
        for decay, prior in ((long, prior_long), (short, prior_short)):
            columns.append(_nearest(who, likeness, decay, prior))
    for decay, prior in ((long, prior_long), (short, prior_short)):
        columns.append(_by_field(memory, reading, decay, prior, importance))
    columns += [np.log(prior_long), np.log(prior_short), _last_seen(memory, alive, setting.short_days)]
    return np.stack(columns, axis=1)


def _prior(who: Ints, decay: Floats, people: int) -> Floats:
    mass = np.bincount(who, decay, people)
    return np.asarray((mass + _SMOOTH / max(people, 1)) / (mass.sum() + _SMOOTH))


def _nearest(who: Ints, likeness: Floats | None, decay: Floats, prior: Floats) -> Floats:
    """Log share of each person among the nearest rows, relative to the prior; 0 where nothing is alike."""
    if likeness is None or not len(who):
        return np.zeros(len(prior))
    weight = likeness * decay
    if len(weight) > NEIGHBOURS:
        near = np.argpartition(-weight, NEIGHBOURS)[:NEIGHBOURS]
        who, weight = who[near], weight[near]
    total = weight.sum()
    if total <= 0:
        return np.zeros(len(prior))
    share = np.bincount(who, weight, len(prior)) / total
    return np.asarray(np.log(0.97 * share / 1.0 + 0.03 * prior) - np.log(prior))


def _by_field(
    memory: Memory, reading: Reading, decay: Floats, prior: Floats, importance: Mapping[str, float]
) -> Floats:
    """Weighted mean over the marks of the log share of each person among rows with that mark, relative to the prior."""
    found, total = np.zeros(len(prior)), 0.0
    who = memory.who.seen()
    for mark in reading.marks:
        weight = importance.get(column_of(mark), 0.0)
        if weight and mark in memory.marks:
            rows = memory.marks[mark].seen()
            mass = np.bincount(who[rows], decay[rows], len(prior))
            found += weight * np.log((mass / prior + 2.0) / (mass.sum() + 2.0))
            total += weight
    return found / total if total else found


def _last_seen(memory: Memory, alive: Floats, short_days: float) -> Floats:
    """Minus the logarithm of how long before the latest resolution each person's last one was, in short half-lives."""
    last = np.full(len(memory.people), -np.inf)
    days = np.where(alive > 0, memory.day.seen(), -np.inf)
    np.maximum.at(last, memory.who.seen(), days)
    latest = last.max(initial=-np.inf)
    if not np.isfinite(latest):
        return np.zeros(len(last))
    return np.asarray(-np.log1p(np.minimum((latest - last) / short_days, 1e3)))


def importances(readings: Sequence[Reading], who: Ints, people: int) -> dict[str, float]:
    """How telling each column is: mean gain in log-likelihood of the resolver over the prior, the row itself left out.

    A column that never repeats a value, or says nothing, gets 0.
    """
    prior = (np.bincount(who, minlength=people) + 0.5) / (len(who) + 0.5 * people)
    count: dict[tuple[str, int], int] = {}
    total: dict[str, int] = {}
    for reading, person in zip(readings, who, strict=True):
        for mark in reading.marks:
            total[mark] = total.get(mark, 0) + 1
            count[mark, int(person)] = count.get((mark, int(person)), 0) + 1
    gain: dict[str, float] = {}
    for (mark, person), n in count.items():
        chance = (n - 1 + 2 * prior[person]) / (total[mark] - 1 + 2)
        gain[column_of(mark)] = gain.get(column_of(mark), 0.0) + n * float(np.log(chance / prior[person]))
    return {column: max(0.0, value / len(who)) for column, value in gain.items()}
