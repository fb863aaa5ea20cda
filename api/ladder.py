"""The step of the degrade ladder that the whole service stands on: told in every answer, in /readyz and in /metrics."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from api.intake import Intake
from engine.domain import Rung
from engine.pathfinder import Pathfinder

HEADER = b"x-pathfinder-rung"


class Step(StrEnum):
    """What still works, best first. Each step lacks what the ones before it have."""

    FULL = "full"
    LEXICAL = "lexical"  # no encoder: past fixes are found by words alone
    RULES = "rules"  # no model: rules and the last resolvers
    APART = "apart"  # the correlator cannot be asked: each alert is taken, stored and in an incident of its own
    STORED = "stored"  # alerts are taken and on disk; they are grouped later: the engine starts, or a storm is on
    READ_ONLY = "read-only"  # storage takes no alerts: senders are told to send again, reads are served


_STEPS = {rung: Step(rung.value) for rung in Rung}


def step_of(pathfinder: Pathfinder, intake: Intake) -> Callable[[], Step]:
    """What tells the present step, at the cost of looking at a few attributes."""

    def now() -> Step:
        if intake.failing:
            return Step.READ_ONLY
        if intake.defers:
            return Step.STORED
        return Step.APART if pathfinder.grouping_rests else _STEPS[pathfinder.rung]

    return now
