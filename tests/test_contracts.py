"""What every learning part keeps to: constructors store, questions change nothing, ignorance is answered sensibly."""

from __future__ import annotations

import copy
import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from engine.correlate import Correlator
from engine.correlate.asked import Room
from engine.correlate.scores import Weighing
from engine.correlate.state import State
from engine.domain import Alert, Incident, Resolution, alert_id_of, fingerprint_of
from engine.patterns import PatternFinder, Series
from engine.route import Router
from engine.suggest import Recommender

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
SYMPTOMS = (("orders-db", "connections exhausted"), ("orders-api", "answers 500"), ("mail", "queue grows"))


def alert(number: int) -> Alert:
    service, title = SYMPTOMS[number % 3]
    starts_at = START + timedelta(seconds=7 * number)
    fingerprint = fingerprint_of("tool", title, service, f"host-{number % 5}", {})
    return Alert(
        id=alert_id_of("tool", fingerprint, starts_at),
        source="tool",
        title=title,
        service=service,
        host=f"host-{number % 5}",
        starts_at=starts_at,
        received_at=starts_at,
        fingerprint=fingerprint,
    )


def incident(number: int) -> Incident:
    service, title = SYMPTOMS[number % 3]
    opened_at = START + timedelta(hours=number)
    resolution = Resolution(text=f"restarted {service}", resolver=f"person-{number % 3}", team=f"team-{number % 2}")
    return Incident(
        id=f"i{number}", opened_at=opened_at, closed_at=opened_at + timedelta(minutes=30), title=f"{service} {title}",
        description="since the deploy", service=service, category="app", resolution=resolution,
        fields={"location": f"site {number % 4}"},
    )  # fmt: skip


QUESTION = Incident(id="q", opened_at=START + timedelta(days=30), title="orders-db connections exhausted")


def teach_correlator(part: Any) -> None:
    for number in range(30):
        part.learn_one(alert(number), f"INC-{number // 10}")


def teach_history(part: Any) -> None:
    part.fit([incident(number) for number in range(30)])
    part.learn_one(incident(31))


@dataclass(frozen=True)
class Case:
    """One estimator: how it is made, taught and asked."""

    make: Callable[[], Any]
    teach: Callable[[Any], None]
    ask: Callable[[Any], Any]


CASES = {
    "correlator": Case(Correlator, teach_correlator, lambda part: part.predict_one(alert(40))),
    "recommender": Case(Recommender, teach_history, lambda part: part.predict_one(QUESTION)),
    "router": Case(Router, teach_history, lambda part: part.predict_one(QUESTION)),
    "team router": Case(lambda: Router(target="team"), teach_history, lambda part: part.predict_one(QUESTION)),
}


def state_of(value: Any, seen: dict[int, str] | None = None) -> Any:
    """The whole state of an object as plain values, so that two states can be compared."""
    seen = {} if seen is None else seen
    if isinstance(value, str | bytes | int | float | bool | type(None) | datetime | timedelta):
        return value
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, State | Room | Weighing):
        # The same as the profiles and weights beside it, the latest readings asked about, and room to answer in: none
        # is heeded.
        return "arrays"
    if id(value) in seen:
        return "seen"
    seen[id(value)] = ""
    if isinstance(value, dict):
        return {str(key): state_of(item, seen) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [state_of(item, seen) for item in value]
    attributes = {name: getattr(value, name) for cls in type(value).__mro__ for name in getattr(cls, "__slots__", ())}
    attributes |= getattr(value, "__dict__", {})
    return [type(value).__name__, *(state_of(item, seen) for item in attributes.values())]


@pytest.mark.parametrize("name", CASES)
def test_answers_before_any_learning(name: str) -> None:
    case = CASES[name]
    assert case.ask(case.make()) is not None


@pytest.mark.parametrize("name", CASES)
def test_asking_changes_nothing(name: str) -> None:
    case = CASES[name]
    part = case.make()
    case.teach(part)
    before = copy.deepcopy(state_of(part))
    first = case.ask(part)
    assert state_of(part) == before
    assert case.ask(part) == first


def test_asking_about_many_alerts_changes_no_answer_and_fills_no_memory() -> None:
    correlator = Correlator()
    teach_correlator(correlator)
    first = correlator.predict_one(alert(40))
    sizes = []
    for number in range(1000):
        correlator.predict_one(
            replace(alert(40), title=f"symptom {number} of thing-{number}", service=f"service-{number}")
        )
        if number % 500 == 499:
            sizes.append(sum(array.nbytes for array in correlator._state.arrays))
    assert correlator.predict_one(alert(40)) == first
    assert sizes[1] <= 1.1 * sizes[0]


@pytest.mark.parametrize("name", CASES)
def test_learning_changes_the_answer(name: str) -> None:
    case = CASES[name]
    part = case.make()
    ignorant = case.ask(part)
    case.teach(part)
    assert case.ask(part) != ignorant


@pytest.mark.parametrize("name", CASES)
def test_the_same_lessons_give_the_same_answer(name: str) -> None:
    case = CASES[name]
    one, other = case.make(), case.make()
    case.teach(one)
    case.teach(other)
    assert case.ask(one) == case.ask(other)


@pytest.mark.parametrize("name", [*CASES, "patterns"])
def test_the_constructor_only_stores(name: str) -> None:
    part = PatternFinder() if name == "patterns" else CASES[name].make()
    for parameter in list(inspect.signature(type(part).__init__).parameters)[1:]:
        assert hasattr(part, parameter), f"{name} hides {parameter}"
    assert [field for field in vars(part) if field.endswith("_") and not field.startswith("_")] == []


@pytest.mark.parametrize("name", CASES)
def test_what_was_learned_survives_as_arrays_and_json(name: str) -> None:
    case = CASES[name]
    part = case.make()
    case.teach(part)
    stored = part.to_part()
    assert json.loads(json.dumps(dict(stored.data), allow_nan=False)) == stored.data
    assert all(array.dtype != object for array in stored.arrays.values())
    again = type(part).from_part(stored)
    assert again.to_part().data == stored.data


def test_the_pattern_finder_leaves_its_samples_alone() -> None:
    ts = np.arange(0, 28 * 86_400, 900, dtype=np.int64)
    values = np.where(ts % 86_400 == 36_000, 9.0, 1.0)
    series = Series(service="s", host="h", metric="m", ts=ts, values=values)
    copies = ts.copy(), values.copy()
    found = PatternFinder().find([series])
    assert found
    np.testing.assert_array_equal(series.ts, copies[0])
    np.testing.assert_array_equal(series.values, copies[1])
    assert PatternFinder().find([]) == []
