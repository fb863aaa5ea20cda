"""What repair weighs when later evidence is in: whether two incidents are one, and where a recent alert belongs.

The stream is grouped and merged as the model does it, with a look back from time to time. At each, every incident that
changed meets those it could be one with, and some recent alerts are taken out and chosen anew.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from engine.correlate import Correlator, Weights
from engine.correlate.constraints import Constraints
from engine.correlate.cuts import cuts, seen_apart
from engine.correlate.profile import Profile
from engine.correlate.profiles import Profiles
from engine.correlate.repair import merges
from engine.correlate.signals import measured
from engine.correlate.turns import Turns
from training.correlate import PASSES
from training.weighing.choices import begun, majority, opened
from training.weighing.fitting import Choices
from training.weighing.streams import Stream

_EVERY_S = 600.0  # of event time between two looks back
_ASKED = 0.25  # of the recent alerts, at each look back
_MOST = 30.0  # pairs of incidents weigh no more than what this many alerts gain from merging


@dataclass(frozen=True, slots=True)
class Repairs:
    """What was met: pairs of incidents and sides of incidents that are one or not, and recent alerts with the places
    they could have."""

    pairs: Choices = field(default_factory=Choices)
    sides: Choices = field(default_factory=Choices)
    places: Choices = field(default_factory=Choices)


def add_repairs(made: Repairs, stream: Stream, weights: Weights, chance: random.Random) -> None:
    """Group `stream` as the model does, and add what is met whenever it looks back."""
    correlator = begun(stream, weights)
    look = _Look(correlator, stream, weights.merge, made, chance)
    due = math.inf
    for number, alert in enumerate(stream.alerts):
        at = alert.starts_at.timestamp()
        if at >= due:
            look.back()
            due = look.profiles.now + _EVERY_S
        match = correlator.predict_one(alert, explain=False)
        correlator.learn_one(alert, match.incident_id or opened(number), alert_of=match.repeat_of)
        due = at + _EVERY_S if due == math.inf else due
    look.back()


class _Look:
    """A look back at what the correlator remembers, by someone who knows the truth."""

    def __init__(
        self, correlator: Correlator, stream: Stream, weights: Mapping[str, float], made: Repairs, chance: random.Random
    ) -> None:
        self.correlator, self.weights, self.made, self.chance = correlator, weights, made, chance
        self.profiles: Profiles = correlator._profiles  # no verb of the product shows what it remembers
        self.weight = stream.weight
        self.alerts = {alert.id: alert for alert in stream.alerts}
        self.truth = {alert.id: truth for alert, truth in zip(stream.alerts, stream.truth, strict=True)}

    def back(self) -> None:
        """Meet pairs, merge as the model does, see incidents as two, then take recent alerts out."""
        for profile in self._changed():
            self._meet(profile)
        self._merge()
        for profile in self._changed():
            self._cut(profile)
        self._ask()
        self.profiles.changed.clear()

    def _changed(self) -> Iterator[Profile]:
        for incident_id in self.profiles.changed:
            if incident_id in self.profiles.open:
                yield self.profiles.open[incident_id]

    def _meet(self, profile: Profile) -> None:
        others = self.correlator.merger().neighbours(profile)
        one = self._held(profile)
        for other, parts in self.correlator.merger().pairs(profile, others):
            another = self._held(other)
            self.made.pairs.add([parts], [same(one, another)], self.weight * _at_stake(one, another))

    def _cut(self, profile: Profile) -> None:
        for sides in cuts(profile):
            one, other = (seen_apart(profile, side) for side in sides)
            held = self._held(one), self._held(other)
            _, parts = self.correlator.merger().pairs(one, [other])[0]
            self.made.sides.add([parts], [same(*held)], self.weight * _at_stake(*held))

    def _merge(self) -> None:
        for _ in range(PASSES if self.weights else 0):
            changed, kept = tuple(self.profiles.changed), Constraints()
            found = list(merges(self.profiles, changed, self.correlator.merger(), kept))
            for revision in found:
                self.correlator.move(revision.alert_id, revision.to_incident)
            if not found:
                return

    def _ask(self) -> None:
        repair = self.correlator.repair
        for profile, member in Turns().alerts(self.profiles, self.profiles.now - repair.horizon_s, repair):
            if self.chance.random() < _ASKED:
                self._choose(profile, member.alert_id)

    def _choose(self, profile: Profile, alert_id: str) -> None:
        with self.profiles.lend(profile, alert_id):
            cases = [case for case in self.correlator.candidates(self.alerts[alert_id]) if case.profile.members]
            right = [majority(self._held(case.profile)) == self.truth[alert_id] for case in cases]
            self.made.places.add([measured(case) for case in cases], right, self.weight)

    def _held(self, profile: Profile) -> Counter[str]:
        return Counter(self.truth[alert_id] for alert_id in profile.members)


def same(one: Counter[str], other: Counter[str]) -> bool:
    """Whether most pairs of alerts across two incidents truly belong together.

    Examples
    --------
    >>> same(Counter(fire=3, flood=1), Counter(fire=2)), same(Counter(fire=1), Counter(fire=1, flood=1))
    (True, False)
    """
    together = sum(count * other[truth] for truth, count in one.items())
    return 2 * together > one.total() * other.total()


def _at_stake(one: Counter[str], other: Counter[str]) -> float:
    """What a pair weighs: the root of how many alerts its merging changes, as the harmonic mean of both sizes."""
    sizes = one.total(), other.total()
    return math.sqrt(min(_MOST, 2 * sizes[0] * sizes[1] / sum(sizes)))
