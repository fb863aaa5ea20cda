"""Times to detect, acknowledge and resolve, how often, how often again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.domain import Severity
from engine.lifecycle import Course, measure, priority
from engine.lifecycle.severity import raised
from tests.small_models import NOON, moment

WEEK = timedelta(days=7)


def test_each_time_is_measured_from_where_it_counts() -> None:
    course = Course(
        began_at=moment(0), detected_at=moment(20), acknowledged_at=moment(80), resolved_at=moment(600), symptom="db"
    )
    assert (course.detect_s, course.acknowledge_s, course.resolve_s) == (20.0, 60.0, 600.0)


def test_clocks_that_disagree_give_no_negative_times() -> None:
    assert Course(began_at=moment(10), detected_at=moment(0)).detect_s == 0.0


def test_what_has_not_happened_is_not_measured() -> None:
    measured = measure([Course(began_at=NOON)], NOON, NOON + WEEK)
    assert (measured.open, measured.resolve.count, measured.resolve.mean_s) == (1, 0, None)


def test_the_summary_is_of_the_asked_time() -> None:
    courses = [
        Course(
            began_at=moment(60.0 * n),
            detected_at=moment(60.0 * n),
            resolved_at=moment(60.0 * n + 100 * (n + 1)),
            symptom="ab"[n % 2],
        )
        for n in range(10)
    ]
    outside = [Course(began_at=NOON - timedelta(seconds=1)), Course(began_at=NOON + WEEK)]
    measured = measure([*courses, *outside], NOON, NOON + WEEK)
    assert (measured.incidents, measured.open, measured.repeats, measured.per_week) == (10, 0, 8, 10.0)
    assert (measured.resolve.mean_s, measured.resolve.median_s) == (550.0, 550.0)
    assert measured.resolve.p90_s == pytest.approx(910.0)


def test_no_time_at_all_has_no_rate() -> None:
    assert measure([], NOON, NOON).per_week == 0.0


def test_the_worst_alert_sets_the_priority() -> None:
    assert priority([Severity.INFO, Severity.CRITICAL, Severity.WARNING]) == "P1"
    assert priority([]) == ""
    assert raised("", Severity.INFO) == "P4"
    assert raised("3 - Moderate", Severity.CRITICAL) == "3 - Moderate"
