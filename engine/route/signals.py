"""What speaks for each person: shares of similar incidents, of each field, of the team, of hand-overs, and activity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.route.columns import Column, Floats, Ints
from engine.route.memory import K, Memory, View, column_of, latest_of
from engine.route.reading import Reading

SHORT, MIDDLE, LONG = 0, 1, 2  # places of the half-lives
SHARE = 4  # place of everybody's share, middle half-life
LINEAR, TEAM, HANDED, MARGIN, PLAIN, NAMED = 0, 1, 2, 15, 16, 17  # places of the signals that rest on a linear model
FIXED = (
    "linear", "team", "handed on", "share, short", "share, middle", "share, long", "last seen",
    "similar text, short", "similar text, middle", "similar text, long",
    "similar fields, short", "similar fields, middle", "similar fields, long", "worked on similar", "worked lately",
    "margin", "plain margin", "named",
)  # fmt: skip
NEIGHBOURS = 60
_SMOOTH = 0.5  # pseudo-incidents that stand behind every share
_BEHIND_FIELD = 2.0  # pseudo-incidents behind the share of one value of one field
_STEEP_TEXT = 2  # power of cosine
_STEEP_FIELDS = 6  # power of agreement: near-equal incidents count, half-equal ones hardly
_NOTHING: tuple[Ints, Floats] = (np.zeros(0, np.int64), np.zeros(0))
_LEADING = 10  # teams, and people, whose further shares are looked at


@dataclass(frozen=True, slots=True)
class Setting:
    """How telling each column is (0 and up), and the columns that have a signal of their own."""

    importance: Mapping[str, float]
    columns: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The signals, in the order of `opinions`."""
        own = [f"{column}, {pace}" for column in self.columns for pace in ("short", "long")]
        return (*FIXED, *own)


@dataclass(frozen=True, slots=True)
class Lines:
    """What linear models say of one question: logarithms of probabilities per person and per team; None without."""

    people: Floats | None = None
    margins: Floats | None = None
    plain: Floats | None = None
    teams: Floats | None = None
    team_names: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Opinions:
    """What each signal thinks of each person, (people, signals), higher is likelier; and the rows most alike.

    `age` is for how long nothing had become known, in quarters of the history.
    """

    table: Floats
    age: float
    by_text: Ints
    by_fields: Ints


def opinions(memory: Memory, reading: Reading, day: float, setting: Setting, lines: Lines) -> Opinions:
    """`day` is the moment of asking; rows that became known at or after it are not looked at."""
    view, people = memory.view(day), len(memory.people)
    priors = tuple(_prior(mass, people) for mass in view.mass)
    found = np.zeros((people, len(FIXED) + 2 * len(setting.columns)))
    found[:, 3:6] = np.log(priors).T
    found[:, 6] = _last_seen(view, people)
    near = {7: _NOTHING, 10: _NOTHING}
    alike_by = ((7, _text(memory, reading), _STEEP_TEXT), (10, _fields(memory, reading, setting), _STEEP_FIELDS))
    for place, likeness, steep in alike_by:
        if likeness is not None:
            alike = np.flatnonzero(likeness > 0)  # of a mask they are found in a fraction of the time
            likeness = likeness[alike] ** steep
            for pace in (SHORT, MIDDLE, LONG):
                rows, weight = _nearest(alike, likeness, view, pace)
                found[:, place + pace] = _share(memory, rows, weight, priors[pace])
                near[place] = (rows, weight) if pace == MIDDLE else near[place]
    if memory.helpers:
        found[:, 13] = _worked(memory, list(near.values()), priors[MIDDLE])
        found[:, 14] = _worked_lately(memory, view, people)
    for naming, number in memory.named(reading):
        found[:, NAMED] += _named(naming.meant, number, priors[MIDDLE])
    found[:, len(FIXED) :] = _by_column(memory, reading, view, priors, setting.columns)
    _add_lines(found, memory, view, priors[MIDDLE], lines)
    return Opinions(found, memory.age(day), _alike(*near[7]), _alike(*near[10]))


def _alike(rows: Ints, weight: Floats) -> Ints:
    """Those that count, most first."""
    order = np.lexsort((-rows, -weight))
    return np.asarray(rows[order][weight[order] > 0])


def _prior(mass: Floats, people: int) -> Floats:
    return np.asarray((mass + _SMOOTH / max(people, 1)) / (mass.sum() + _SMOOTH))


def _text(memory: Memory, reading: Reading) -> Floats | None:
    return memory.likeness(reading.words) if reading.words and memory.words else None


def _fields(memory: Memory, reading: Reading, setting: Setting) -> Floats | None:
    if not reading.marks:
        return None
    return memory.agreement(reading.marks, setting.importance)


def _nearest(rows: Ints, likeness: Floats, view: View, pace: int) -> tuple[Ints, Floats]:
    """Of `rows` those that are most alike and recent, and what each counts."""
    weight = likeness * view.weights[pace][rows]
    if len(weight) > NEIGHBOURS:
        near = np.argpartition(-weight, NEIGHBOURS)[:NEIGHBOURS]
        return rows[near], weight[near]
    return rows, weight


def _share(memory: Memory, rows: Ints, weight: Floats, prior: Floats) -> Floats:
    """Log share of each person among the nearest rows, relative to the prior; 0 where nothing is alike."""
    total = weight.sum()
    if total <= 0:
        return np.zeros(len(prior))
    share = np.bincount(memory.who.seen()[rows], weight, len(prior)) / total
    return np.asarray(np.log(0.97 * share + 0.03 * prior) - np.log(prior))


def _named(meant: float, number: int, prior: Floats) -> Floats:
    """Log share of each person where a value names one of them and is meant with this chance, relative to the prior."""
    told = np.full(len(prior), np.log(1 - meant))
    told[number] = np.log(meant / prior[number] + 1 - meant)
    return told


def _worked(memory: Memory, near: Sequence[tuple[Ints, Floats]], prior: Floats) -> Floats:
    """The same of those who worked on the nearest rows without ending them."""
    mass, total = np.zeros(len(prior)), 0.0
    for rows, weight in near:
        whole = weight.sum() or 1.0
        for row, value in zip(rows, weight, strict=True):
            for number in memory.helpers.get(int(row), ()):
                mass[number] += value / whole
                total += value / whole
    if not total:
        return mass
    return np.asarray(np.log(0.9 * mass / total + 0.1 * prior) - np.log(prior))


def _worked_lately(memory: Memory, view: View, people: int) -> Floats:
    """Logarithm of the share of each person in the work on the latest incidents."""
    mass = np.full(people, _SMOOTH / people)
    weights = view.weights[SHORT]
    for row in range(len(weights) - 1, max(-1, len(weights) - 1 - NEIGHBOURS * 10), -1):
        for number in memory.helpers.get(row, ()):
            mass[number] += weights[row] * view.scales[SHORT]
    return np.asarray(np.log(mass / mass.sum()))


def _by_column(
    memory: Memory, reading: Reading, view: View, priors: Sequence[Floats], columns: Sequence[str]
) -> Floats:
    """Per column, short and long: log share of each person among rows with the same value, relative to the prior."""
    found = np.zeros((len(priors[0]), 2 * len(columns)))
    if not columns:
        return found
    who, place_of = memory.who.seen(), {column: place for place, column in enumerate(columns)}
    seen = [0] * len(columns)
    for mark in reading.marks:
        place = place_of.get(column_of(mark))
        if place is None or mark not in memory.marks:
            continue
        rows, seen[place] = latest_of(memory.marks, mark), seen[place] + 1
        for offset, pace in ((0, SHORT), (1, LONG)):
            mass = view.shares(who, rows, pace, len(priors[pace]))
            found[:, 2 * place + offset] += np.log((mass / priors[pace] + _BEHIND_FIELD) / (mass.sum() + _BEHIND_FIELD))
    return np.asarray(found / np.repeat(np.maximum(seen, 1), 2))


def _last_seen(view: View, people: int) -> Floats:
    """Minus the logarithm of how long each person has done nothing, in short half-lives, as their weight tells."""
    idle = -np.log2(np.maximum(view.mass[SHORT], 1e-30))
    return np.asarray(-np.log1p(np.clip(idle, 0.0, 60.0))) if people else np.zeros(0)


def _add_lines(found: Floats, memory: Memory, view: View, prior: Floats, lines: Lines) -> None:
    """Put in what rests on the linear models; people they never saw get their share of everything.

    Their share of similar incidents has signals of its own: given here as well, one incident would count four times.
    """
    if lines.people is None:
        return
    for place, told in ((LINEAR, lines.people), (MARGIN, lines.margins), (PLAIN, lines.plain)):
        if told is not None:
            found[: len(told), place] = told
            found[len(told) :, place] = np.clip(np.log(prior[len(told) :]), float(told.min(initial=-14.0)), 0.0)
    found[:, HANDED] = _followed(memory, view, prior, _leading(np.exp(lines.people)), memory.worked)
    if lines.teams is not None:
        chances = {lines.team_names[one]: chance for one, chance in _leading(np.exp(lines.teams)).items()}
        found[:, TEAM] = _followed(memory, view, prior, chances, memory.teams)


def _leading(chances: Floats) -> dict[int, float]:
    best = np.argsort(-chances)[:_LEADING]
    return {int(one): float(chances[one]) for one in best}


def _followed(
    memory: Memory, view: View, prior: Floats, chances: Mapping[K, float], index: Mapping[K, Column]
) -> Floats:
    """Log share of each person among the rows under each key, mixed by the chances of the keys."""
    found, weights, by_prior = [_NOTHING[0]], [_NOTHING[1]], max(0.0, 1.0 - sum(chances.values()))
    for key, chance in chances.items():
        rows = latest_of(index, key)
        weight = view.weights[MIDDLE][rows] * view.scales[MIDDLE]
        share = chance / (weight.sum() + 1.0)
        found.append(rows)
        weights.append(share * weight)
        by_prior += share
    who = memory.who.seen()[np.concatenate(found)]
    mixed = np.bincount(who, np.concatenate(weights), len(prior)) + by_prior * prior
    return np.asarray(np.log(mixed + 1e-9))


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
