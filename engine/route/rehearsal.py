"""The history as it was lived: later incidents asked of what was known before them, stage by stage.

From this the weights of the signals are learned, and how sure to be; nothing that is asked has been seen before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.route import linear
from engine.route.columns import Floats, Ints
from engine.route.features import Features, Hashed
from engine.route.linear import Course, Examples, Followed, Sheet, Softmax
from engine.route.memory import Case, Memory
from engine.route.signals import FIXED, Lines, Setting, opinions
from engine.route.stacker import EARLIER, Asked, leading_of

_STAGES = (0.5, 0.75)  # shares of the history at which stages begin
_MAX_ASKED = 3000
_FORGOTTEN_HALF = 0.5  # of the questions, asked before one that counts twice as much: firms change
_MAX_FEATURES = 30_000
_MAX_WEIGHTS = 16_000_000  # features x people of one linear model: 64 MB, twice while it learns
_MAX_TEAMS = 400
_SHORT_DAYS = (0.25, 1.0, 3.0, 10.0, 30.0, 90.0, 365.0)
_START = {"linear": 0.2, "margin": 0.2, "plain margin": 0.2, "team": 0.1, "handed on": 0.05, "share, short": 0.2,
          "share, middle": 0.1, "named": 0.3}  # fmt: skip
_TIMES = ("opened", "known")
_MOST_STOOD_FOR = 10.0  # questions that one resolved late can stand for
_SIMILAR = 0.1  # weight of a signal of similar incidents, before it is learned
_COLUMN = 0.05  # the same of a column


@dataclass(frozen=True, slots=True)
class Plan:
    """The history in the order in which it became known, what of it is asked, and when stages begin."""

    history: Sequence[Case]  # as it is
    cases: Sequence[Case]  # the same, dated by their order where their times tell nothing
    asked: Ints  # places in `cases`, in order of opening
    cuts: tuple[float, ...]  # days
    online: bool


@dataclass(frozen=True, slots=True)
class Learned:
    """What a rehearsal leaves behind."""

    memory: Memory
    features: Features
    plain_features: Features
    people_model: Softmax
    margin_model: Softmax
    plain_model: Softmax
    team_model: Softmax | None
    team_names: list[str]
    asked: list[Asked]


def prior_weights(setting: Setting) -> tuple[float, ...]:
    """The weights from which those of the signals are learned."""
    fixed = [_START.get(name, _SIMILAR if name.startswith("similar") else 0.0) for name in FIXED]
    return (*fixed, *(_COLUMN for _ in range(2 * len(setting.columns))))


def plan(cases: Sequence[Case], *, online: bool) -> Plan:
    """What is asked, and when stages begin. Where times tell nothing, the order is the only time."""
    opened = np.sort(np.array([case.opened for case in cases]))
    known = np.array([case.known for case in cases])
    cuts, history = [float(opened[int(len(opened) * share)]) for share in _STAGES], cases
    if np.count_nonzero(known < cuts[0]) < len(cases) * _STAGES[0] / 2:
        cases = [replace(case, opened=float(place), known=place + 0.5) for place, case in enumerate(cases)]
        cuts = [float(int(len(cases) * share)) for share in _STAGES]
    places = sorted(range(len(cases)), key=lambda place: (cases[place].opened, place))
    later = [place for place in places if cases[place].opened >= cuts[0]]
    asked = np.array(later[:: max(1, -(-len(later) // _MAX_ASKED))], np.int64)
    return Plan(history, cases, asked, tuple(cuts), online)


def rehearse(course: Plan, setting: Setting) -> Learned:
    """Live through the history once."""
    memory = Memory().learn_all(course.cases)
    features, plain_features = Features(), Features(plain=True)
    limit = min(_MAX_FEATURES, max(2000, _MAX_WEIGHTS // max(1, len(memory.people))))
    classes = np.array([memory.number_of(case.responder) for case in course.cases], np.int64)
    stages = Course(course.cuts, len(memory.people))
    worded = _follow_worded(_examples(features, course, classes, limit), course, stages, list(memory.teams))
    half_life = worded.people.trial.half_life_days
    plainly = _examples(plain_features, course, classes, limit)
    plain = linear.follow_margins(plainly, course.asked, stages, half_life, plain=True)
    half_lives = half_lives_of(memory, course)
    asked = _asked(course, setting, half_lives, worded.told(plain))
    if course.history is not course.cases:  # they were dated by their order: what serves needs their own times
        memory = Memory().learn_all(course.history)
    memory.pace(half_lives)
    return Learned(
        memory,
        features,
        plain_features,
        worded.people.model,
        worded.margins.model,
        plain.model,
        worded.teams.model if worded.teams else None,
        worded.team_names,
        asked,
    )


@dataclass(frozen=True, slots=True)
class _Worded:
    """What was learned from all features; their rows are not needed any longer."""

    people: Followed
    margins: Followed
    teams: Followed | None
    team_names: list[str]

    def told(self, plain: Followed) -> _Told:
        """What was foretold, with what plain features foretold."""
        teams = self.teams.told if self.teams else None
        return _Told(self.people.told, self.margins.told, plain.told, teams, self.team_names)


def _follow_worded(examples: Examples, course: Plan, stages: Course, team_names: list[str]) -> _Worded:
    people = linear.follow(examples, course.asked, stages)
    margins = linear.follow_margins(examples, course.asked, stages, people.trial.half_life_days)
    teams = None
    if 1 < len(team_names) <= _MAX_TEAMS:
        number = {team: place for place, team in enumerate(team_names)}
        classes = np.array([number.get(case.team, 0) for case in course.cases], np.int64)
        of_teams = replace(examples, classes=classes)
        teams = linear.follow(of_teams, course.asked, Course(course.cuts, len(team_names)))
    return _Worded(people, margins, teams, team_names)


def _examples(features: Features, course: Plan, classes: Ints, limit: int) -> Examples:
    """The cases as each stage reads them; going through all stages leaves `features` fitted to all."""
    opened = np.array([case.opened for case in course.cases])
    known = np.array([case.known for case in course.cases])
    hashed = features.hashed([case.reading for case in course.cases])
    sheets = _Sheets(features, hashed, [np.flatnonzero(known < cut) for cut in (*course.cuts, np.inf)], limit)
    return Examples(sheets, classes, opened, known)


class _Sheets(Sequence[Sheet]):
    """The sheet of each stage, made when it is asked for: all at once are most of what a fit needs in memory.

    `features` are left fitted to what was known (places of examples, per stage) in the stage asked for last.
    """

    def __init__(self, features: Features, hashed: Hashed, known: Sequence[Ints], limit: int) -> None:
        self._features = features
        self._hashed = hashed
        self._known = known
        self._limit = limit
        self._latest: dict[int, Sheet] = {}

    def __len__(self) -> int:
        return len(self._known)

    def __getitem__(self, stage: int) -> Sheet:  # type: ignore[override]  # of slices there is no need
        stage %= len(self)
        if stage not in self._latest:
            self._latest.clear()  # before the next is made
            rows = self._features.fit_rows(self._hashed, self._known[stage], self._limit)
            self._latest[stage] = Sheet(rows, self._features.ridge)
        return self._latest[stage]


@dataclass(frozen=True, slots=True)
class _Told:
    people: Floats
    margins: Floats
    plain: Floats
    teams: Floats | None
    team_names: list[str]

    def lines(self, place: int, people: int) -> Lines:
        """Of one question, as far as the people were known when its stage began."""
        teams = None if self.teams is None else self.teams[place]
        told, margins, plain = (one[place, :people] for one in (self.people, self.margins, self.plain))
        return Lines(told, margins, plain, teams, self.team_names)


def _asked(course: Plan, setting: Setting, half_lives: Sequence[float], told: _Told) -> list[Asked]:
    """Each question with what was known when it was opened or, where outcomes come in bulk, when its stage began.

    In the order in which their outcomes became known: by opening, the last ones would be those that went quickly.
    """
    memory, prior = Memory(), prior_weights(setting)
    memory.pace(half_lives)
    waiting, found, known_people, stage = iter(course.cases), [], 0, -1
    upcoming = next(waiting, None)
    for place, number in enumerate(course.asked):
        case = course.cases[number]
        now = int(np.searchsorted(course.cuts, case.opened, side="right")) - 1
        until = case.opened if course.online else course.cuts[now]
        begun = now != stage
        for limit in (course.cuts[now], until) if begun else (until,):
            while upcoming is not None and upcoming.known < limit:
                memory.learn(upcoming)
                upcoming = next(waiting, None)
            if begun and limit == course.cuts[now]:
                known_people, stage = len(memory.people), now
        found.append(_one(memory, case, setting, told.lines(place, known_people), prior))
    weights, known = stands_for(course), [course.cases[number].known for number in course.asked]
    order = np.argsort(known, kind="stable")
    return [replace(found[place], weight=float(weights[place])) for place in order]


def stands_for(course: Plan) -> Floats:
    """How many questions each of `asked` stands for, 1 on the mean: latest outcomes more, and what took very long.

    Questions are judged in the order in which their outcomes became known. What took d is among those judged if it was
    opened late enough to be asked and d before the end (inverse probability of censoring, Robins 1993).
    """
    opened, known = (np.array([getattr(course.cases[place], name) for place in course.asked]) for name in _TIMES)
    end, begin = max(case.known for case in course.cases), course.cuts[0]
    judged_from = float(np.quantile(known, EARLIER))
    seen = (end - (known - opened) - begin) / max(end - max(begin, judged_from), 1e-9)
    weights = 1.0 / np.clip(seen, 1.0 / _MOST_STOOD_FOR, 1.0)
    latest = np.argsort(np.argsort(-known, kind="stable"), kind="stable")  # 0 is the latest
    weights *= 0.5 ** (latest / (_FORGOTTEN_HALF * len(weights)))
    return np.asarray(weights / weights.mean())


def _one(memory: Memory, case: Case, setting: Setting, lines: Lines, prior: Sequence[float]) -> Asked:
    table = opinions(memory, case.reading, case.opened, setting, lines).table
    leading = leading_of(table, prior)
    right = memory.number_of(case.responder)
    places = leading.tolist()
    place = places.index(right) if right in places else -1
    return Asked(table[leading].astype(np.float32), place, leading, age=memory.age(case.opened))


def half_lives_of(memory: Memory, course: Plan) -> tuple[float, float, float]:
    """Short, middle and long half-life in days: the short one foretells the overall shares of the last stage best."""
    cut = course.cuts[-1]
    who, day = memory.who.seen(), memory.day.seen()
    early = day < cut
    later = [memory.number_of(course.cases[number].responder) for number in course.asked]
    opened = np.array([course.cases[number].opened for number in course.asked])
    right = np.array([number for number, at in zip(later, opened, strict=True) if at >= cut], np.int64)
    span = max(float(np.ptp(day)), 1.0)

    def fit_of(days: float) -> float:
        mass = np.bincount(who[early], 0.5 ** ((cut - day[early]) / days), len(memory.people)) + 0.05
        return float(np.log(mass[right] / mass.sum()).sum())

    short = max((days for days in _SHORT_DAYS if days <= span), key=fit_of, default=_SHORT_DAYS[0])
    return short, float(np.sqrt(short * 2 * span)), 2 * span
