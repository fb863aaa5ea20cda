"""Evidence of time: gaps, pace, age, rivals, repetition."""

from __future__ import annotations

import math

from engine.correlate.case import Case, Parts, between, duration
from engine.correlate.profile import Member

EPISODES_READ = 16  # newest ones of a symptom in an incident


class Gap:
    """Seconds to the incident's nearest sign of life; read apart for strangers, whom closeness alone must not glue."""

    name = "gap"
    knots = (0.0, 1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 2400.0, 3600.0, 7200.0, 14400.0)
    kin = tuple(f"gap.kin@{knot:g}" for knot in knots)
    strange = tuple(f"gap.strange@{knot:g}" for knot in knots)

    def parts(self, case: Case) -> Parts:
        """Its measurements: see the class."""
        return between(self.knots, self.strange if case.strangers else self.kin, case.gap)

    def detail(self, case: Case) -> str:
        """In words, for a person."""
        return f"{duration(case.gap)} {'after' if case.at >= case.profile.last else 'from'} its nearest alert"


class Tempo:
    """How usual such a gap is inside the incidents of this place, against incidents in general."""

    name = "tempo"

    def parts(self, case: Case) -> Parts:
        """Its measurements: see the class."""
        nats = case.background.tempo_nats(case.gap)
        return [("tempo.usual", nats)] if nats > 0.0 else [("tempo.unusual", nats)]

    def detail(self, case: Case) -> str:
        """In words, for a person."""
        return "a usual gap here" if case.background.tempo_nats(case.gap) > 0.0 else "an unusual gap here"


class Nearest:
    """Whether another open incident moved nearer to the alert in time."""

    name = "rivals"

    def parts(self, case: Case) -> Parts:
        """Its measurements: see the class."""
        if not case.rivals:
            return []
        return [("rivals.nearest" if case.nearest else "rivals.not_nearest", 1.0), ("rivals", math.log1p(case.rivals))]

    def detail(self, case: Case) -> str:
        """In words, for a person."""
        others = f"{case.rivals} other open incident{'' if case.rivals == 1 else 's'}"
        return f"nearest in time, {others}" if case.nearest else f"not the nearest in time, {others}"


class Lately:
    """When the incident last heard of the very thing that the alert is about, and whether a rival did later."""

    name = "lately"
    knots = (0.0, 2.0, 10.0, 30.0, 90.0, 300.0, 900.0, 3600.0, 14400.0)
    names = tuple(f"lately@{knot:g}" for knot in knots)

    def parts(self, case: Case) -> Parts:
        """Its measurements: see the class."""
        if case.lately == math.inf:
            return []
        found = between(self.knots, self.names, case.lately)
        return [*found, ("lately.latest", 1.0)] if case.latest else found

    def detail(self, case: Case) -> str:
        """In words, for a person."""
        if case.lately == math.inf:
            return ""
        return f"the same thing {duration(case.lately)} {'after' if case.at >= case.profile.last else 'away'}"


class Chance:
    """How many unrelated incidents would have opened in the gap anyway; read apart for strangers."""

    name = "chance"
    knots = (-6.0, -4.5, -3.0, -1.5, 0.0, 1.5, 3.0)
    kin = tuple(f"chance.kin@{knot:g}" for knot in knots)
    strange = tuple(f"chance.strange@{knot:g}" for knot in knots)

    def parts(self, case: Case) -> Parts:
        """Its measurements: see the class."""
        names = self.strange if case.strangers else self.kin
        return between(self.knots, names, math.log(self._expected(case)))

    def detail(self, case: Case) -> str:
        """In words, for a person."""
        return f"{self._expected(case):.2g} unrelated incidents expected in that gap"

    @staticmethod
    def _expected(case: Case) -> float:
        return case.question.rate * (case.gap + 1.0) / 3600.0


class Age:
    """How long the incident has been there, and how much is in it."""

    name = "age"
    knots = (0.0, 60.0, 300.0, 600.0, 1200.0, 3600.0, 14400.0)
    names = tuple(f"age@{knot:g}" for knot in knots)
    sizes = (1.0, 2.0, 4.0, 10.0, 40.0, 200.0)
    size_names = tuple(f"size@{size:g}" for size in sizes)

    def parts(self, case: Case) -> Parts:
        """Its measurements: see the class."""
        age = max(0.0, case.at - case.profile.first)
        size = float(len(case.profile.members))
        return between(self.knots, self.names, age) + between(self.sizes, self.size_names, size)

    def detail(self, case: Case) -> str:
        """In words, for a person."""
        size = len(case.profile.members)
        alerts = "1 alert" if size == 1 else f"{size} alerts"
        return f"{alerts} in {duration(max(0.0, case.at - case.profile.first))}"


class Again:
    """The same symptom is in the incident already: a storm repeats itself, a new incident starts over."""

    name = "again"
    knots = (1.0, 10.0, 60.0, 300.0, 1800.0, 7200.0)
    ended = tuple(f"again.ended@{knot:g}" for knot in knots)
    unended = tuple(f"again@{knot:g}" for knot in knots)

    def parts(self, case: Case) -> Parts:
        """Its measurements: see the class."""
        earlier = self._earlier(case)
        if earlier is None:
            return []
        usual = case.background.repeats
        names = self.ended if earlier.resolved else self.unended
        found = between(self.knots, names, abs(case.at - earlier.last_at))
        return [*found, ("again.usual", math.log(usual[0] / usual[1]))]

    def detail(self, case: Case) -> str:
        """In words, for a person."""
        earlier = self._earlier(case)
        if earlier is None:
            return ""
        return f"the same symptom was in it {duration(abs(case.at - earlier.last_at))} before"

    @staticmethod
    def _earlier(case: Case) -> Member | None:
        ids = case.profile.ids_of(case.question.fingerprint)
        if not ids:
            return None
        members = case.profile.members
        return min((members[alert_id] for alert_id in ids[-EPISODES_READ:]), key=lambda m: abs(case.at - m.last_at))


class Firing:
    """Whether anything in the incident still fires, as far as ends are told here at all."""

    name = "firing"

    def parts(self, case: Case) -> Parts:
        """Its measurements: see the class."""
        told = case.background.ending
        if not told:
            return []
        firing, size = case.profile.firing, len(case.profile.members)
        return [("firing.some", told), ("firing.share", told * firing / size)] if firing else [("firing.none", told)]

    def detail(self, case: Case) -> str:
        """In words, for a person."""
        firing = case.profile.firing
        return f"{firing} of its alerts still firing" if firing else "none of its alerts still fires"


class Rivals:
    """What an unrelated alert would look like here: how often incidents open anyway, and how many are open now."""

    name = "background"

    def parts(self, case: Case) -> Parts:
        """Its measurements: see the class."""
        rate = case.question.rate
        return [("background", 1.0), ("background.rate", math.log(rate))]

    def detail(self, case: Case) -> str:
        """In words, for a person."""
        return f"about {case.question.rate:.1f} incidents open per hour"
