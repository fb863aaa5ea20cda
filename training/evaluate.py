"""Judgement on held-out time: each part as newly fitted, as it serves now, and a plain baseline, on the same questions.

The snapshot is cut in time; what is asked lies after the cut, what is known lies before it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import bm25s
import numpy as np

from engine.correlate import Correlator
from engine.domain import Alert, Incident, Occurrence, Pattern
from engine.patterns import PatternFinder, Series
from engine.patterns.finder import course_of
from engine.patterns.occurrences import occurrences
from engine.route import Router
from engine.suggest import Recommender
from engine.text import words
from training.archive import Snapshot
from training.benchmarks.grouping import bcubed

HELD_OUT = 0.2  # share of the time, at the end, that is asked about
LEAST = 20  # questions below which nothing is said
_SAME_FIX = 0.5  # Jaccard similarity of the words of two fixes from which they count as the same
_GAP = timedelta(minutes=5)  # the rule that most tools come with: a new incident after so long a silence
_TOP = 5


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What one part is worth on held-out time. All figures lie in 0..1, higher is better."""

    part: str
    measure: str
    questions: int
    candidate: float
    serving: float
    baseline: float
    baseline_name: str

    @property
    def passes(self) -> bool:
        """Whether the candidate may serve: enough questions, and no worse than what serves and than the baseline."""
        return self.questions >= LEAST and self.candidate >= max(self.serving, self.baseline) - 0.01


@dataclass(frozen=True, kw_only=True)
class Halves:
    """A snapshot cut at a moment."""

    cut: datetime
    past: Snapshot
    later_incidents: list[Incident]
    later_alerts: list[Alert]
    later_ids: list[str]


def halves(data: Snapshot, held_out: float = HELD_OUT) -> Halves:
    """Cut `data` so that the last `held_out` of its incidents (of its alerts, if none) lie after the cut."""
    times = [one.opened_at for one in data.incidents] or [one.received_at for one in data.alerts] or [data.until]
    cut = sorted(times)[int(len(times) * (1 - held_out))] if len(times) > 1 else data.until
    early = [alert.received_at < cut for alert in data.alerts]
    pairs = list(zip(data.alerts, data.incident_ids, early, strict=True))
    stop = cut.timestamp()
    past = replace(
        data,
        until=cut,
        incidents=[one for one in data.incidents if one.known_from < cut],
        alerts=[alert for alert, _, is_early in pairs if is_early],
        incident_ids=[incident_id for _, incident_id, is_early in pairs if is_early],
        series=[replace(one, ts=one.ts[one.ts < stop], values=one.values[one.ts < stop]) for one in data.series],
        events=[replace(one, ts=one.ts[one.ts < stop]) for one in data.events],
    )
    return Halves(
        cut=cut,
        past=past,
        later_incidents=[one for one in data.incidents if one.opened_at >= cut],
        later_alerts=[alert for alert, _, is_early in pairs if not is_early],
        later_ids=[incident_id for _, incident_id, is_early in pairs if not is_early],
    )


def judge_correlate(data: Halves, candidate: Correlator, serving: Correlator) -> Verdict:
    """B-cubed F1 of the groups of later alerts, against the incidents that they ended in."""
    truth = data.later_ids
    return Verdict(
        part="correlate",
        measure="B-cubed F1",
        questions=len(truth),
        candidate=bcubed(truth, placed(candidate, data.later_alerts))[2],
        serving=bcubed(truth, placed(serving, data.later_alerts))[2],
        baseline=bcubed(truth, _by_gap(data.later_alerts))[2],
        baseline_name="5-minute gap",
    )


def judge_suggest(data: Halves, candidate: Recommender, serving: Recommender) -> Verdict:
    """Share of later incidents for which one of the first five suggestions was ended by the same fix."""
    relevant = {key: same for key, same in same_fix(data).items() if same}
    asked = [one for one in data.later_incidents if one.id in relevant]
    return Verdict(
        part="suggest",
        measure=f"same fix in the first {_TOP}",
        questions=len(asked),
        candidate=_found(candidate, asked, relevant),
        serving=_found(serving, asked, relevant),
        baseline=_found_by_words(data.past.incidents, asked, relevant),
        baseline_name="BM25",
    )


def judge_route(data: Halves, candidate: Router, serving: Router) -> Verdict:
    """Share of later incidents whose resolver is among the first three."""
    asked = [one for one in data.later_incidents if one.resolution and one.resolution.resolver]
    return Verdict(
        part="route",
        measure="resolver in the first 3",
        questions=len(asked),
        candidate=_routed(candidate, asked),
        serving=_routed(serving, asked),
        baseline=_routed_by_count(data.past.incidents, asked),
        baseline_name="most frequent of the service",
    )


def judge_patterns(data: Halves, series: Sequence[Series], timezone: str) -> Verdict:
    """Share of the predicted windows in which the load came nearer to the pattern's level than to its baseline.

    The baseline is the same windows six hours later: what chance would give.
    """
    found = PatternFinder(timezone=timezone).find(data.past.series)
    by_name = {(one.service, one.host, one.metric): one for one in series}
    kept = _kept(found, by_name, data.cut, timedelta(0))
    chance = _kept(found, by_name, data.cut, timedelta(hours=6))
    share = float(np.mean(kept)) if kept else 0.0
    return Verdict(
        part="patterns",
        measure="predicted load came",
        questions=len(kept),
        candidate=share,
        serving=share,  # patterns are found anew by each retrain, with the same finder
        baseline=float(np.mean(chance)) if chance else 0.0,
        baseline_name="six hours later",
    )


def same_fix(data: Halves) -> dict[str, set[str]]:
    """For each later incident the earlier ones that were ended by (nearly) the same words."""
    known = [(one.id, fix_words(one)) for one in data.past.incidents]
    return {
        one.id: {key for key, past in known if _jaccard(fix_words(one), past) >= _SAME_FIX}
        for one in data.later_incidents
    }


def fix_words(incident: Incident) -> frozenset[str]:
    """The words of what fixed it."""
    return frozenset(words(incident.resolution.text if incident.resolution else ""))


def hit_at(most: int, ranks: Sequence[Sequence[str]], wanted: Sequence[Collection[str]]) -> float:
    """Share of questions with a wanted answer among the first `most`; 0 without questions.

    Examples
    --------
    >>> hit_at(2, [["a", "b", "c"], ["d"]], [{"c"}, {"d"}])
    0.5
    """
    hits = [any(one in right for one in answers[:most]) for answers, right in zip(ranks, wanted, strict=True)]
    return sum(hits) / len(hits) if hits else 0.0


def placed(correlator: Correlator, alerts: Sequence[Alert]) -> list[str]:
    """The incidents that `correlator` puts `alerts` into, one after the other, learning from its own decisions."""
    groups = []
    for alert in alerts:
        match = correlator.predict_one(alert)
        groups.append(match.incident_id or alert.id)
        correlator.learn_one(alert, groups[-1], alert_of=match.repeat_of)
    return groups


def _by_gap(alerts: Sequence[Alert]) -> list[str]:
    groups, number, last = [], 0, datetime(1, 1, 1, tzinfo=UTC)
    for alert in alerts:
        number += alert.starts_at - last > _GAP
        last = max(last, alert.starts_at)
        groups.append(str(number))
    return groups


def _found(recommender: Recommender, asked: Sequence[Incident], relevant: Mapping[str, set[str]]) -> float:
    ranks = [[item.incident.id for item in recommender.predict_one(one, top=_TOP).items] for one in asked]
    return hit_at(_TOP, ranks, [relevant[one.id] for one in asked])


def _found_by_words(past: Sequence[Incident], asked: Sequence[Incident], relevant: Mapping[str, set[str]]) -> float:
    if not past or not asked:
        return 0.0
    index = bm25s.BM25()
    index.index([words(one.text()) or [""] for one in past], show_progress=False)
    ranks = []
    for one in asked:
        scores = index.get_scores(words(one.text()) or [""])
        ranks.append([past[place].id for place in np.argsort(-scores, kind="stable")[:_TOP]])
    return hit_at(_TOP, ranks, [relevant[one.id] for one in asked])


def _routed(router: Router, asked: Sequence[Incident]) -> float:
    ranks = [[candidate.responder for candidate in router.predict_one(one, top=3).candidates] for one in asked]
    return hit_at(3, ranks, [{_resolver(one)} for one in asked])


def _routed_by_count(past: Sequence[Incident], asked: Sequence[Incident]) -> float:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for one in past:
        counts[one.service][_resolver(one)] += 1
        counts["*"][_resolver(one)] += 1
    ranks = [[who for who, _ in (counts.get(one.service) or counts["*"]).most_common(3)] for one in asked]
    return hit_at(3, ranks, [{_resolver(one)} for one in asked])


def _resolver(incident: Incident) -> str:
    return incident.resolution.resolver if incident.resolution else ""


def _kept(
    found: Sequence[Pattern], series: Mapping[tuple[str, str, str], Series], cut: datetime, away: timedelta
) -> list[bool]:
    kept = []
    for pattern in found:
        samples = course_of(pattern, series[pattern.service, pattern.host, pattern.metric])
        for window in occurrences(pattern, cut):
            level = _mean(samples, window, away)
            if window.probability >= 0.5 and level is not None:
                kept.append(abs(level - pattern.level) < abs(level - pattern.baseline))
    return kept


def _mean(samples: Series, window: Occurrence, away: timedelta) -> float | None:
    start, end = (window.start + away).timestamp(), (window.end + away).timestamp()
    inside = samples.values[(samples.ts >= start) & (samples.ts < end)]
    return float(np.nanmean(inside)) if len(inside) and not np.isnan(inside).all() else None


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one and other else 0.0
