"""What trees learn from: every arriving alert, and some alerts taken out again later, beside what they could join.

As in `choices`, the model groups by itself and is told what would have been right (DAgger); here with all its repair,
so that the incidents it meets are those it will meet in use.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, datetime

from engine.correlate import Correlator, Weights
from engine.correlate.asked import Scorer
from engine.correlate.reading import read
from engine.correlate.repair import Revision
from engine.correlate.table import Table
from engine.correlate.turns import Turns
from engine.domain import Alert, AlertStatus
from training.correlate import PASSES, target_of
from training.weighing.choices import begun, majority, opened
from training.weighing.growing import Examples
from training.weighing.streams import Stream

_EVERY_S = 600.0  # of event time between two looks back
_ASKED = 0.2  # of the recent alerts, at each look back
_LONE = 0.05  # what an alert of no attack weighs beside those of attacks
_FIRST, _FAMILY = 3.0, 0.8  # the first alert of a phase decides most; phases count alike, however many alerts they have


def examples(stream: Stream, weights: Weights, seed: int) -> tuple[Examples, Examples]:
    """Of one stream under `weights`: choices of arriving alerts, and of recent ones whose place is asked again."""
    watch = _Watch(stream, weights, random.Random(seed))
    for number, alert in enumerate(stream.alerts):
        if alert.starts_at.timestamp() >= watch.looked + _EVERY_S:
            watch.look_back()
        watch.arrive(alert, opened(number))
    watch.look_back()
    return watch.arrivals, watch.places


class _Watch:
    """A correlator at work, watched by someone who knows the truth."""

    def __init__(self, stream: Stream, weights: Weights, chance: random.Random) -> None:
        self.stream, self.chance = stream, chance
        self.correlator: Correlator = begun(stream, weights)
        plain = replace(weights, forests={})
        self.join, self.settle = Scorer(plain.join), Scorer(plain.settle)
        self.arrivals, self.places = Examples(), Examples()
        self.truth = {alert.id: truth for alert, truth in zip(stream.alerts, stream.truth, strict=True)}
        self.total, self.seen = Counter(stream.truth), Counter[str]()
        self.held: defaultdict[str, Counter[str]] = defaultdict(Counter)  # incident -> true incidents of its alerts
        self.looked = stream.alerts[0].starts_at.timestamp()  # event time of the last look back; first, the beginning

    def arrive(self, alert: Alert, new_id: str) -> None:
        """Let the model place an alert, and note what would have been right."""
        truth, match = self.truth[alert.id], self.correlator.predict_one(alert, explain=False)
        if match.repeat_of is None and alert.status is AlertStatus.FIRING and not alert.is_heartbeat:
            asked = self.correlator._ask(read(alert), alert.starts_at.timestamp(), alert.fingerprint)
            names = [profile.id for profile in asked.profiles]
            self._add(
                self.arrivals, self.join, asked.rows, names, truth, self._stake(truth, first=not self.seen[truth])
            )
        self.seen[truth] += 1
        incident_id = match.incident_id or new_id
        self.correlator.learn_one(alert, incident_id, alert_of=match.repeat_of)
        if match.repeat_of is None:
            self.held[incident_id][truth] += 1

    def look_back(self) -> None:
        """Ask some recent alerts again, then let the model repair what it has made."""
        correlator, profiles = self.correlator, self.correlator._profiles  # no verb shows what it remembers
        self.looked = profiles.now
        for profile, member in Turns().alerts(profiles, profiles.now - correlator.repair.horizon_s, correlator.repair):
            if self.chance.random() < _ASKED:
                truth = self.truth[member.alert_id]
                self.held[profile.id][truth] -= 1
                with profiles.lend(profile, member.alert_id):
                    asked = correlator._ask(member.reading, member.at, member.fingerprint)
                names = [found.id for found in asked.profiles]
                self._add(self.places, self.settle, asked.rows, names, truth, self._stake(truth, first=False))
                self.held[profile.id][truth] += 1
        for _ in range(PASSES):
            found = correlator.revise(datetime.fromtimestamp(profiles.now, UTC))
            for revision in found:
                self._move(revision)
            if not found:
                return

    def _move(self, revision: Revision) -> None:
        target = target_of(revision)
        source = self.correlator._profiles.of_alert.get(revision.alert_id)
        if source is not None and source != target:
            truth = self.truth[revision.alert_id]
            self.held[source][truth] -= 1
            self.held[target][truth] += 1
            self.correlator.move(revision.alert_id, target)

    def _add(self, made: Examples, scorer: Scorer, rows: Table, names: list[str], truth: str, weight: float) -> None:
        if names:
            right = [majority(self.held[name]) == truth for name in names]
            made.add(rows, scorer.scores(rows).tolist(), right, weight, self.stream.family)

    def _stake(self, truth: str, *, first: bool) -> float:
        if self.stream.family != "attack":
            return 1.0
        if self.total[truth] == 1:
            return _LONE
        return _FIRST if first else 2.0 * self.total[truth] ** -_FAMILY
