"""AECID's rule, as a rival."""

from __future__ import annotations

from engine.domain import Alert
from tests.small_models import alert
from training.benchmarks.meta_alerts import meta_alerts


def burst(at_s: float, **counts: int) -> list[Alert]:
    """So many alerts of each title, a tenth of a second apart."""
    titles = [title for title, count in counts.items() for _ in range(count)]
    return [alert("web", title, at=at_s + n / 10) for n, title in enumerate(titles)]


def test_groups_of_like_content_are_one_meta_alert_and_others_another() -> None:
    told = [*burst(0, scan=4, login=2), *burst(60, scan=4, login=3), *burst(120, upload=5), *burst(180, scan=1)]
    found = meta_alerts(told, 2.0)
    assert len(set(found[:13])) == 1
    assert len(set(found[13:18])) == 1
    assert found[0] != found[13]
    assert found[18] not in {found[0], found[13]}, "one scan is less than half alike"


def test_ranges_widen_with_what_joins() -> None:
    told = [*burst(0, scan=4), *burst(60, scan=7), *burst(120, scan=12), *burst(180, scan=5)]
    assert len(set(meta_alerts(told, 2.0))) == 1
    assert len(set(meta_alerts([*burst(0, scan=4), *burst(60, scan=12)], 2.0))) == 2
