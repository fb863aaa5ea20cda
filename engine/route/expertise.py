"""Who resolves incidents like this one: signals of similar ones and linear models, weighed into one probability."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np

from engine.domain import Incident, ModelPart
from engine.errors import ModelUnusable
from engine.route import rehearsal
from engine.route.columns import Floats
from engine.route.features import Features
from engine.route.linear import Margins, Softmax
from engine.route.memory import HALF_LIVES, Case, Memory, column_of
from engine.route.outcome import Outcome
from engine.route.reading import Reader, Reading
from engine.route.signals import SHARE, Lines, Opinions, Setting, importances, opinions
from engine.route.stacker import Stacker

# The weights before any learning.
_COLD = (0.0, 0.0, 0.0, 0.3, 0.2, 0.1, 0.05, 0.3, 0.2, 0.1, 0.3, 0.2, 0.1, 0.1, 0.0, 0.0, 0.0, 0.5)
_COLD_COLUMN = 0.1  # the same of a column
_MIN_CASES = 60  # resolved incidents below which nothing is learned but shares
_OWN_COLUMNS = 8  # columns that have a signal of their own, and as many pairs of columns
_CROSSED = 6  # columns that are read in pairs
_TELLING = 0.02  # importance from which a column is one of these


class Expertise:
    """Probability per responder that they resolve an incident. `online`: outcomes keep arriving between questions."""

    def __init__(self, *, columns: frozenset[str] | None = None, online: bool = True) -> None:
        self.columns = columns
        self.online = online
        self.reader_ = Reader(columns=columns)
        self.memory_ = Memory()
        self.setting_ = Setting({})
        self.features_ = Features()
        self.plain_features_ = Features(plain=True)
        self.people_model_: Softmax | None = None
        self.margin_model_: Softmax | None = None
        self.plain_model_: Softmax | None = None
        self.team_model_: Softmax | None = None
        self.team_names_: list[str] = []
        self.stacker_ = Stacker(prior=_COLD)

    def fit(self, incidents: Sequence[Incident], outcomes: Sequence[Outcome]) -> Self:
        """Learn a history anew: `outcomes` runs beside `incidents`."""
        self.__init__(columns=self.columns, online=self.online)  # type: ignore[misc]
        self.reader_.fit(incidents)
        cases = self._crossed(self._cases(incidents, outcomes))
        if len(cases) < _MIN_CASES:
            self.memory_.learn_all(cases).pace(HALF_LIVES)
            self.stacker_ = Stacker(prior=(*_COLD, *(_COLD_COLUMN for _ in range(2 * len(self.setting_.columns)))))
            return self
        plan = rehearsal.plan(cases, online=self.online)
        learned = rehearsal.rehearse(plan, self.setting_)
        self.memory_, self.features_ = learned.memory, learned.features
        self.plain_features_ = learned.plain_features
        self.people_model_, self.margin_model_ = learned.people_model, learned.margin_model
        self.plain_model_ = learned.plain_model
        self.team_model_ = learned.team_model
        self.team_names_ = learned.team_names
        self.stacker_ = Stacker(prior=rehearsal.prior_weights(self.setting_), shares=SHARE).fit(learned.asked)
        return self

    def catch_up(self, incidents: Sequence[Incident], outcomes: Sequence[Outcome]) -> Self:
        """Learn those of `incidents` that are not known yet, one by one."""
        for incident, outcome in zip(incidents, outcomes, strict=True):
            if not self.memory_.knows(incident.id, outcome.responder, _day(incident.known_from)):
                self._remember(self._case(incident, outcome))
        return self

    def learn_one(self, incident: Incident, outcome: Outcome) -> None:
        """Remember one resolved incident: the shares know it at once, the linear models after the next fit.

        Before that it is asked once more, as of its opening: how sure to be follows how that went. Not so where
        outcomes do not keep arriving: what still comes then are stragglers, misrouted more often than others.
        """
        case = self._case(incident, outcome)
        if self.online and self.stacker_.asked_ and not self.memory_.knows(case.id, case.responder, case.known):
            right = self.memory_.number_of(case.responder)
            told = self.opinions(incident)
            self.stacker_.heed(told.table, -1 if right is None else right, told.age)
        self._remember(case)

    def _remember(self, case: Case) -> None:
        self.memory_.learn(case)
        if self.people_model_ is None:
            self.setting_ = Setting(self._equal(case.reading), self.setting_.columns)

    def opinions(self, incident: Incident) -> Opinions:
        """What each signal thinks of each person of `memory_.people`."""
        reading, lines = self.reader_.read(incident), Lines()
        if self.people_model_ is not None:
            columns, values = self.features_.one(reading)
            teams = self.team_model_.log_chances_one(columns, values) if self.team_model_ else None
            people = self.people_model_.log_chances_one(columns, values)
            margins = self.margin_model_.log_chances_one(columns, values) if self.margin_model_ else None
            plain = self.plain_model_.log_chances_one(*self.plain_features_.one(reading)) if self.plain_model_ else None
            lines = Lines(people, margins, plain, teams, self.team_names_)
        return opinions(self.memory_, reading, _day(incident.opened_at), self.setting_, lines)

    def probabilities(self, incident: Incident) -> Floats:
        """Probability (0..1) per person of `memory_.people`; the rest belongs to people never seen."""
        told = self.opinions(incident)
        return self.stacker_.probabilities(told.table, told.age)

    def _cases(self, incidents: Iterable[Incident], outcomes: Iterable[Outcome]) -> list[Case]:
        """In the order in which they became known; of an incident that is told of several times, its last outcome."""
        pairs = {incident.id: (incident, outcome) for incident, outcome in zip(incidents, outcomes, strict=True)}
        return sorted((self._case(*pair) for pair in pairs.values()), key=lambda case: (case.known, case.id))

    def _case(self, incident: Incident, outcome: Outcome) -> Case:
        return Case(
            id=incident.id,
            reading=self.reader_.read(incident),
            responder=outcome.responder,
            opened=_day(incident.opened_at),
            known=_day(incident.known_from),
            team=outcome.team,
            involved=outcome.involved,
        )

    def _crossed(self, cases: Sequence[Case]) -> list[Case]:
        """`cases` with pairs of the values of telling columns; what is telling is kept in `setting_`."""
        number: dict[str, int] = {}
        who = np.array([number.setdefault(case.responder, len(number)) for case in cases], np.int64)
        alone = importances([case.reading for case in cases], who, len(number))
        self.reader_.crossed_ = _best(alone, _CROSSED, lambda column: column.endswith("=") and "@" not in column)
        crossed = [
            Case(c.id, self.reader_.cross(c.reading), c.responder, c.opened, c.known, c.team, c.involved) for c in cases
        ]
        both = importances([case.reading for case in crossed], who, len(number)) if self.reader_.crossed_ else alone
        own = _best(alone, _OWN_COLUMNS, lambda column: "#" not in column)
        pairs = _best(both, _OWN_COLUMNS, lambda column: "*" in column)
        self.setting_ = Setting(alone, (*own, *pairs))
        return crossed

    def _equal(self, reading: Reading) -> Mapping[str, float]:
        known = dict(self.setting_.importance)
        for mark in reading.marks:
            known.setdefault(column_of(mark), 0.5)
        return known

    def to_part(self) -> ModelPart:
        """Everything learned, the remembered incidents included."""
        memory_arrays, memory_data = self.memory_.to_parts()
        arrays = {f"memory.{name}": value for name, value in memory_arrays.items()}
        arrays |= {f"features.{name}": value for name, value in self.features_.to_arrays().items()}
        arrays |= {f"plain.{name}": value for name, value in self.plain_features_.to_arrays().items()}
        models = {"people": self.people_model_, "margins": self.margin_model_, "plain": self.plain_model_}
        models["teams"] = self.team_model_
        for name, model in models.items():
            if model is not None:
                arrays[f"model.{name}"] = model.weights_
        setting = {"importance": dict(self.setting_.importance), "columns": list(self.setting_.columns)}
        data = {"memory": memory_data, "reader": self.reader_.to_data(), "setting": setting, "online": self.online}
        return ModelPart(
            arrays=arrays, data={**data, "team_names": self.team_names_, "stacker": self.stacker_.to_data()}
        )

    @classmethod
    def from_part(cls, part: ModelPart) -> Self:
        """The expertise that `to_part` described."""
        if "plain.words" not in part.arrays or "sureness" not in part.data["stacker"]:
            raise ModelUnusable("the router was learned with other signals: retrain")
        data, reader = part.data, Reader.from_data(part.data["reader"])
        found = cls(columns=reader.columns, online=bool(data["online"]))
        found.reader_ = reader
        found.memory_ = Memory.from_parts(_under("memory.", part.arrays), data["memory"])
        found.features_ = Features.from_arrays(_under("features.", part.arrays))
        found.plain_features_ = Features.from_arrays(_under("plain.", part.arrays), plain=True)
        found.setting_ = Setting(data["setting"]["importance"], tuple(data["setting"]["columns"]))
        found.people_model_ = _model(Softmax(), part.arrays.get("model.people"))
        found.margin_model_ = _model(Margins(), part.arrays.get("model.margins"))
        found.plain_model_ = _model(Margins(), part.arrays.get("model.plain"))
        found.team_model_ = _model(Softmax(), part.arrays.get("model.teams"))
        found.team_names_ = list(data["team_names"])
        found.stacker_ = Stacker.from_data(data["stacker"])
        if len(found.stacker_.prior) != len(found.setting_.names):
            raise ModelUnusable("the router was learned with other signals: retrain")
        return found


def _model(model: Softmax, weights: Any) -> Softmax | None:
    if weights is None:
        return None
    model.weights_ = weights
    return model


def _best(importance: Mapping[str, float], most: int, fits: Any) -> tuple[str, ...]:
    telling = [(value, column) for column, value in importance.items() if value > _TELLING and fits(column)]
    return tuple(column for _, column in sorted(telling, reverse=True)[:most])


def _day(moment: Any) -> float:
    return float(moment.timestamp() / 86400)


def _under(prefix: str, arrays: Mapping[str, Any]) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}
