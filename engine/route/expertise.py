"""Who resolves incidents like this one: shares of similar ones and a linear model, weighed into one probability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Self

import numpy as np

from engine.domain import Incident, ModelPart
from engine.route import linear
from engine.route.features import Features
from engine.route.linear import Examples, Recipe, Softmax
from engine.route.memory import Case, Floats, Memory, column_of
from engine.route.reading import Reader, Reading
from engine.route.shares import Setting, importances, shares
from engine.route.stacker import Asked, Stacker

SIGNALS = (
    "linear",
    "linear, recent",
    "similar text",
    "similar text, recent",
    "similar fields",
    "similar fields, recent",
    "fields",
    "fields, recent",
    "share",
    "share, recent",
    "last seen",
)
_COLD = (0.0, 0.0, 0.35, 0.35, 0.3, 0.3, 0.4, 0.2, 0.3, 0.3, 0.05)  # weights before any history taught better ones
_START = (0.4, 0.3, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.0)  # from which the weights are learned
_ABSENT = float(np.log(linear.LEAST))  # the least a linear model says of somebody
_RECENT = ("similar text, recent", "similar fields, recent", "fields, recent")
_MIN_CASES = 60  # resolved incidents below which only shares are used
_LATER_SHARE = 0.2  # of the history, its end, on which the weights are learned
_SMALL = 3000  # resolved incidents below which the weights are learned on two stretches instead of one
_ENDS, _ENDS_SMALL = (1.0,), (0.8, 1.0)
_MAX_ASKED = 1500
_MAX_FEATURES = 50_000
_MAX_WEIGHTS = 12_000_000  # features x people of one linear model: 48 MB
_SHORT_DAYS = (0.5, 2.0, 7.0, 30.0, 90.0, 365.0)


class Expertise:
    """Probability per responder that they resolve an incident. `online`: outcomes keep arriving between questions."""

    def __init__(self, *, columns: frozenset[str] | None = None, online: bool = True) -> None:
        self.columns = columns
        self.online = online
        self.reader_ = Reader(columns=columns)
        self.memory_ = Memory()
        self.setting_ = Setting()
        self.features_ = Features()
        self.models_: list[Softmax] = []
        self.recipes_: list[Recipe] = []
        self.stacker_ = Stacker(prior=_COLD)

    def fit(self, incidents: Sequence[Incident], responders: Sequence[str]) -> Self:
        """Learn a history anew: `responders` runs beside `incidents`."""
        self.__init__(columns=self.columns, online=self.online)  # type: ignore[misc]
        self.reader_.fit(incidents)
        cases = self._cases(incidents, responders)
        if len(cases) >= _MIN_CASES:
            ends = _ENDS_SMALL if len(cases) < _SMALL else _ENDS
            asked = [question for end in ends for question in self._weigh(*_split(cases, end))]
            self.stacker_ = Stacker(prior=_START).fit(asked)
        self._settle(cases)
        return self

    def refit(self, incidents: Sequence[Incident], responders: Sequence[str]) -> Self:
        """Learn a longer history with the half-lives and weights known: quicker than `fit`."""
        self._settle(self._cases(incidents, responders))
        return self

    def _cases(self, incidents: Sequence[Incident], responders: Sequence[str]) -> list[Case]:
        cases = [self._case(incident, who) for incident, who in zip(incidents, responders, strict=True)]
        return sorted(cases, key=lambda case: (case.known, case.id))

    def _settle(self, cases: Sequence[Case]) -> None:
        self.memory_, importance = _remember(cases)
        self.setting_ = Setting(self.setting_.short_days, self.setting_.long_days, importance)
        if self.recipes_:
            examples = self._examples(cases, self.memory_)
            people = len(self.memory_.people)
            self.models_ = [linear.fit(examples, people, recipe) for recipe in self.recipes_]

    def learn_one(self, incident: Incident, responder: str) -> None:
        """Remember one resolved incident: the shares know it at once, the linear models after the next fit."""
        case = self._case(incident, responder)
        self.memory_.learn(case)
        if self.setting_.importance is None or not self.recipes_:
            self.setting_ = Setting(self.setting_.short_days, self.setting_.long_days, self._equal(case.reading))

    def opinions(self, incident: Incident) -> Floats:
        """What each signal thinks of each person, (people, signals), higher is likelier."""
        reading, day = self.reader_.read(incident), incident.opened_at.timestamp() / 86400
        lines = None
        if self.models_:
            columns, values = self.features_.one(reading)
            lines = np.stack([model.log_chances_one(columns, values) for model in self.models_], axis=1)
        return _joined(self.memory_, reading, day, self.setting_, lines)

    def probabilities(self, incident: Incident) -> Floats:
        """Probability (0..1) per person of `memory_.people`; the rest belongs to people never seen."""
        return self.stacker_.probabilities(self.opinions(incident))

    def _case(self, incident: Incident, responder: str) -> Case:
        opened, known = incident.opened_at.timestamp() / 86400, incident.known_from.timestamp() / 86400
        return Case(incident.id, self.reader_.read(incident), responder, opened, known)

    def _equal(self, reading: Reading) -> Mapping[str, float]:
        known = dict(self.setting_.importance or {})
        for mark in reading.marks:
            known.setdefault(column_of(mark), 0.5)
        return known

    def _examples(self, cases: Sequence[Case], memory: Memory) -> Examples:
        limit = max(2000, _MAX_WEIGHTS // max(1, len(memory.people)))
        self.features_ = Features().fit([case.reading for case in cases], min(_MAX_FEATURES, limit))
        return self._rows(cases, memory)

    def _rows(self, cases: Sequence[Case], memory: Memory) -> Examples:
        numbers = [memory.number_of(case.responder) for case in cases]
        classes = np.array([-1 if number is None else number for number in numbers], np.int64)
        days = np.array([case.known for case in cases])
        return Examples(self.features_.rows([case.reading for case in cases]), classes, days)

    def _weigh(self, earlier: Sequence[Case], later: Sequence[Case]) -> list[Asked]:
        """Learn half-lives and recipes, and give back how `earlier` would have answered for `later`."""
        memory, importance = _remember(earlier)
        examples = self._examples(earlier, memory)
        asked = self._rows(later, memory)
        self.recipes_, models = linear.choose(examples, asked, len(memory.people))
        lines = linear.stack(models, asked.rows)
        span = max(earlier[-1].known - earlier[0].known, 1.0)
        self.setting_ = Setting(_short_days(memory, later), 2 * span, importance)
        return self._questions(memory, later, lines)

    def _questions(self, memory: Memory, later: Sequence[Case], lines: Floats) -> list[Asked]:
        """Each later incident as it would have been answered; where `online`, with what became known until then."""
        waiting = sorted(later, key=lambda case: case.known, reverse=True) if self.online else []
        questions = []
        for case, opinions in zip(later, lines, strict=True):
            while waiting and waiting[-1].known < case.opened:
                memory.learn(waiting.pop())
            right = memory.number_of(case.responder)
            questions.append(
                Asked(
                    _joined(memory, case.reading, case.opened, self.setting_, opinions), -1 if right is None else right
                )
            )
        return questions

    def to_part(self) -> ModelPart:
        """Everything learned, the remembered incidents included."""
        memory_arrays, memory_data = self.memory_.to_parts()
        arrays = {f"memory.{name}": value for name, value in memory_arrays.items()}
        arrays |= {f"features.{name}": value for name, value in self.features_.to_arrays().items()}
        arrays |= {f"model.{place}": model.weights_ for place, model in enumerate(self.models_)}
        setting = asdict(self.setting_)
        data = {"memory": memory_data, "reader": self.reader_.to_data(), "setting": setting, "online": self.online}
        recipes = [[recipe.epochs, min(recipe.half_life_days, 1e12)] for recipe in self.recipes_]
        return ModelPart(arrays=arrays, data={**data, "recipes": recipes, "stacker": self.stacker_.to_data()})

    @classmethod
    def from_part(cls, part: ModelPart) -> Self:
        """The expertise that `to_part` described."""
        data, reader = part.data, Reader.from_data(part.data["reader"])
        found = cls(columns=reader.columns, online=bool(data["online"]))
        found.reader_ = reader
        found.memory_ = Memory.from_parts(_under("memory.", part.arrays), data["memory"])
        found.features_ = Features.from_arrays(_under("features.", part.arrays))
        found.setting_ = Setting(**data["setting"])
        found.recipes_ = [
            Recipe(int(epochs), float("inf") if days >= 1e12 else float(days)) for epochs, days in data["recipes"]
        ]
        for place in range(sum(name.startswith("model.") for name in part.arrays)):
            model = Softmax()
            model.weights_ = part.arrays[f"model.{place}"]
            found.models_.append(model)
        found.stacker_ = Stacker(prior=_START if found.recipes_ else _COLD).restore(data["stacker"])
        return found


def _split(cases: Sequence[Case], end: float) -> tuple[list[Case], list[Case]]:
    """Cases known before a cut, and those opened after it, in order of time; the latter thinned evenly.

    The later ones are a fifth of the history and reach to its share `end`.
    """
    opened = sorted(case.opened for case in cases)
    cut, stop = opened[int(len(opened) * (end - _LATER_SHARE))], opened[int(len(opened) * end) - 1]
    earlier = [case for case in cases if case.known < cut]
    later = sorted((case for case in cases if cut <= case.opened <= stop), key=lambda case: (case.opened, case.id))
    if len(earlier) < len(cases) / 3 or not later:  # times that tell nothing: the order is then the only time
        edge = int(len(cases) * (end - _LATER_SHARE))
        earlier, later = list(cases[:edge]), list(cases[edge : int(len(cases) * end)])
    return earlier, later[:: max(1, -(-len(later) // _MAX_ASKED))]


def _remember(cases: Sequence[Case]) -> tuple[Memory, dict[str, float]]:
    memory = Memory().learn_all(cases)
    who = np.array([memory.number_of(case.responder) for case in cases], np.int64)
    return memory, importances([case.reading for case in cases], who, len(memory.people))


def _joined(memory: Memory, reading: Reading, day: float, setting: Setting, lines: Floats | None) -> Floats:
    """The linear opinions, (people known at the fit, 2), before the shares."""
    found = shares(memory, reading, day, setting)
    if lines is None:
        return np.hstack([np.zeros((len(found), 2)), found])
    newcomers = _share_of(found[len(lines) :])
    return np.hstack([np.vstack([lines, np.stack([newcomers, newcomers], axis=1)]), found])


def _share_of(found: Floats) -> Floats:
    """What a linear model would say of people it never saw: their best recent share, in its own range."""
    ahead = len(SIGNALS) - found.shape[1]
    best = found[:, [SIGNALS.index(signal) - ahead for signal in _RECENT]].max(axis=1)
    return np.asarray(np.clip(best + found[:, SIGNALS.index("share, recent") - ahead], _ABSENT, 0.0))


def _short_days(memory: Memory, later: Sequence[Case]) -> float:
    """The half-life with which the overall shares foretell the later resolvers best."""
    numbers = [memory.number_of(case.responder) for case in later]
    right = [number for number in numbers if number is not None]
    who, age = memory.who.seen(), memory.day.seen().max() - memory.day.seen()

    def fit_of(days: float) -> float:
        mass = np.bincount(who, 0.5 ** (age / days), len(memory.people)) + 0.05
        return float(np.log(mass[right] / mass.sum()).sum())

    return max(_SHORT_DAYS, key=fit_of)


def _under(prefix: str, arrays: Mapping[str, Any]) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}
