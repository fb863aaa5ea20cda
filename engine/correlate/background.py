"""What is ordinary here: how common each value is, how pure incidents are in each field, how often new ones open.

Values are counted once per incident, not per alert, so a storm does not make its own host look common (the tables of a
hierarchical Dirichlet process, Teh et al. 2006). How strongly incidents keep to one value of a field is that field's
concentration: small where incidents are pure (a tenant tag), large where the field says nothing (a severity).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from typing import Any

from engine.correlate.past import Past

CONCENTRATIONS = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 1000.0)
TEMPO_EDGES_S = (1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 2400.0, 4800.0)
_TEMPO_PRIOR = (0.2, 0.2, 0.14, 0.1, 0.1, 0.08, 0.06, 0.04, 0.03, 0.02, 0.02, 0.01)
_TEMPO_PRIOR_WEIGHT = 40.0  # alerts
_PLACES = ("service", "host")  # the first that a history has tells which place it is of
PRIOR_VALUES = 24.0  # pseudo-count of values not seen yet, so that the first shared host is already worth something
_VALUE_LIMIT = 20_000  # values remembered per field
_COMPARED_ALWAYS, _COMPARED_EVERY = 64, 4  # comparisons: so many are all read, then one in so many
_STORMS_ALONE = 0.75  # share of repeats among past alerts from which on the past was a few storms
_MEMORY = 400.0  # comparisons remembered per field for its concentration


class Field:
    """One field (service, host, a label ...): its values' shares and its concentration."""

    __slots__ = ("concentration", "counts", "evidence", "past", "seen", "total")

    def __init__(self, concentration: float) -> None:
        self.counts: dict[str, float] = {}
        self.total = 0.0
        self.seen = 0.0
        self.concentration = concentration
        self.past: Past | None = None  # what a history told of it, until that is known to hold here
        start = math.log(concentration)
        self.evidence = [-0.5 * ((math.log(grid) - start) / 1.5) ** 2 for grid in CONCENTRATIONS]

    def share(self, value: str) -> float:
        """How likely a new incident shows `value`, 0..1 exclusive."""
        return (self.counts.get(value, 0.0) + 0.5) / (self.total + PRIOR_VALUES)

    def count(self, value: str) -> bool:
        """A further incident shows `value`; whether what was known turns out by it to be of another place, and is
        forgotten."""
        self.counts[value] = self.counts.get(value, 0.0) + 1.0
        self.total += 1.0
        if len(self.counts) > _VALUE_LIMIT:
            self.counts = {name: number / 2 for name, number in self.counts.items() if number > 1.0}
            self.total = sum(self.counts.values())
        return self.past is not None and self._tried(self.past, value)

    def _tried(self, past: Past, value: str) -> bool:
        past.count(value)
        foreign = past.foreign
        if foreign:
            self.counts, self.total = past.since, sum(past.since.values())
        if foreign or past.holds:
            self.past = None
        return foreign

    def compare(self, value: str, inside: float, among: float) -> None:
        """Learn the concentration from one alert that joined an incident with `inside` of `among` at `value`."""
        self.seen += 1.0
        if self.seen > _COMPARED_ALWAYS and self.seen % _COMPARED_EVERY:
            return
        share = self.share(value)
        keep = 1.0 - 1.0 / _MEMORY if self.seen >= _MEMORY else 1.0
        for place, grid in enumerate(CONCENTRATIONS):
            self.evidence[place] = keep * self.evidence[place] + math.log((inside + grid * share) / (among + grid))
        if self.seen < 8 or self.seen % 16 == 0:
            self.concentration = _mean_concentration(self.evidence)


def agreement(share: float, spread: float, inside: float, among: float) -> float:
    """Nats for a value that `share` of new incidents show coming from one in which `inside` of `among` alerts have it,
    where `spread` is the field's concentration."""
    return math.log((inside + spread * share) / ((among + spread) * share))


def _mean_concentration(evidence: list[float]) -> float:
    top = max(evidence)
    shares = [math.exp(value - top) for value in evidence]
    return math.exp(sum(s * math.log(g) for s, g in zip(shares, CONCENTRATIONS, strict=True)) / sum(shares))


class Background:
    """All that is learned about ordinary traffic. Decides nothing; signals ask it."""

    def __init__(self, concentrations: Mapping[str, float]) -> None:
        self.concentrations = dict(concentrations)
        self.fields: dict[str, Field] = {}
        self.place = ""  # the field that tells whether a history is of this place
        self.opened = 0.0  # incidents opened, fading with `rate_half_life_s`
        self.opened_at = -math.inf
        self.began_at = math.inf
        self.tempo = [0.0] * (len(TEMPO_EDGES_S) + 1)  # alerts that joined, by their gap; fading
        self.tempo_total = 0.0
        self.tempo_changes = 0  # how often `tempo` has changed
        self.ends = [0.0, 4.0]  # alerts that were told to have ended, all; fading
        self.repeats = [1.0, 2.0]  # alerts that joined: with their fingerprint present already, all; fading

    def field(self, name: str) -> Field:
        """The field called `name`; an unknown one starts from its role's concentration, without being remembered."""
        found = self.fields.get(name)
        return found if found is not None else Field(self._prior(name))

    def known(self, name: str) -> Field:
        """The field called `name`, remembered from now on."""
        found = self.fields.get(name)
        if found is None:
            found = self.fields[name] = Field(self._prior(name))
        return found

    def tempo_nats(self, gap_s: float) -> float:
        """Nats by which incidents here favour a gap of `gap_s` seconds more than incidents in general do."""
        place = bisect_right(TEMPO_EDGES_S, gap_s)
        prior = _TEMPO_PRIOR[place]
        return math.log((self.tempo[place] / prior + _TEMPO_PRIOR_WEIGHT) / (self.tempo_total + _TEMPO_PRIOR_WEIGHT))

    def tempo_levels(self) -> list[float]:
        """`tempo_nats` of each stretch between `TEMPO_EDGES_S`."""
        total = self.tempo_total + _TEMPO_PRIOR_WEIGHT
        joined = zip(self.tempo, _TEMPO_PRIOR, strict=True)
        return [math.log((count / prior + _TEMPO_PRIOR_WEIGHT) / total) for count, prior in joined]

    @property
    def ending(self) -> float:
        """How far the end of an alert is told here, 0 (never) to 1 (always)."""
        return min(1.0, self.ends[0] / self.ends[1])

    def count_end(self) -> None:
        """An alert was told to have ended."""
        self.ends[0] += 1.0

    def count_alert(self) -> None:
        """One more alert fired."""
        self.ends[1] += 1.0
        if self.ends[1] > _MEMORY:
            self.ends = [value * 0.5 for value in self.ends]

    def count_repeat(self, *, again: bool) -> None:
        """An alert joined an incident in which its fingerprint was already, or was not."""
        self.repeats[1] += 1.0
        self.repeats[0] += float(again)

    def count_gap(self, gap_s: float) -> None:
        """An alert joined an incident `gap_s` seconds from its nearest member."""
        if self.tempo_total > _MEMORY:
            self.tempo = [value * 0.5 for value in self.tempo]
            self.tempo_total = sum(self.tempo)
        self.tempo_total += 1.0
        self.tempo_changes += 1
        self.tempo[bisect_right(TEMPO_EDGES_S, gap_s)] += 1.0

    def opening_rate(self, at: float) -> float:
        """New incidents per hour around `at` (unix seconds), 0.05 to 60."""
        if self.opened_at == -math.inf:
            return 1.0
        faded = self.opened * _fade(max(0.0, at - self.opened_at))
        span_h = min(RATE_LIFE_S, max(600.0, max(at, self.opened_at) - self.began_at)) / 3600.0
        return min(60.0, max(0.05, (faded + 0.5) / (span_h + 0.5)))

    def count_opening(self, at: float) -> None:
        """An incident opened at `at` (unix seconds)."""
        if self.opened_at == -math.inf or at < self.began_at - RATE_LIFE_S:  # all that is known is of later times
            self.opened, self.opened_at, self.began_at = 0.0, at, at
        self.began_at = min(self.began_at, at)
        gone = at - self.opened_at
        self.opened = self.opened * _fade(max(0.0, gone)) + _fade(max(0.0, -gone))
        self.opened_at = max(self.opened_at, at)

    def to_data(self) -> dict[str, Any]:
        """JSON-able form."""
        fields = {
            name: {
                "counts": dict(f.counts),
                "total": f.total,
                "seen": f.seen,
                "evidence": list(f.evidence),
                "now": f.concentration,
            }
            for name, f in self.fields.items()
        }
        openings = None if self.opened_at == -math.inf else [self.opened, self.opened_at, self.began_at]
        return {
            "fields": fields,
            "repeats": list(self.repeats),
            "ends": list(self.ends),
            "tempo": list(self.tempo),
            "openings": openings,
        }

    def take(self, data: Mapping[str, Any]) -> None:
        """Take over what `to_data` wrote."""
        for name, kept in data["fields"].items():
            field = self.known(name)
            field.counts, field.total, field.seen = dict(kept["counts"]), kept["total"], kept["seen"]
            field.evidence, field.concentration = list(kept["evidence"]), kept["now"]
        if data["openings"] is not None:
            self.opened, self.opened_at, self.began_at = data["openings"]
        self.repeats, self.tempo, self.ends = list(data["repeats"]), list(data["tempo"]), list(data["ends"])
        self.tempo_total = sum(self.tempo)
        self.tempo_changes += 1
        self.begin()

    def begin(self) -> None:
        """All that is known so far is of a history, which may be of another place."""
        self.place = next((name for name in _PLACES if name in self.fields), "")
        for field in self.fields.values():
            field.past = Past(field.counts)

    @property
    def stormy(self) -> bool:
        """Whether nearly all alerts only told again what their incident had told before."""
        return self.repeats[0] > _STORMS_ALONE * self.repeats[1]

    def values_alone(self) -> Background:
        """One that knows how common values are, and of pace what nothing has been learned of knows."""
        found = Background(self.concentrations)
        found.take({**found.to_data(), "fields": self.to_data()["fields"]})
        return found

    def here_alone(self) -> Background:
        """One that knows how common values are as far as that is known of this place, and how often incidents open."""
        found = Background(self.concentrations)
        found.opened, found.opened_at, found.began_at = self.opened, self.opened_at, self.began_at
        for name, field in self.fields.items():
            known = found.known(name)
            known.counts = dict(field.past.since if field.past is not None else field.counts)
            known.total = sum(known.counts.values())
        return found

    def _prior(self, name: str) -> float:
        role = "label" if name.startswith("label.") else name
        return self.concentrations.get(name, self.concentrations.get(role, 3.0))


RATE_LIFE_S = 4 * 3600.0


def _fade(gone_s: float) -> float:
    return math.exp(-gone_s / RATE_LIFE_S)
