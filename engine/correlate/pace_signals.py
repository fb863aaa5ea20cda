"""Evidence of pace: what an incident's own rhythm makes of a gap, and which of several incidents is active now."""

from __future__ import annotations

import math

from engine.correlate.case import Case, Parts, between, duration

LASTED = 3  # alerts from which on an incident's pace and length say something


class Pace:
    """The gap in units of the incident's own usual gap: 8 s is long in a storm of hundreds a second."""

    name = "pace"
    knots = (-2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 6.0)
    names = tuple(f"pace@{knot:g}" for knot in knots)

    def parts(self, case: Case) -> Parts:
        """Its measurements: see the class."""
        slow = self._slow(case)
        return [] if slow is None else between(self.knots, self.names, slow)

    def detail(self, case: Case) -> str:
        """In words, for a person."""
        if self._slow(case) is None:
            return ""
        return f"its alerts come about every {duration(case.profile.beat)}"

    @staticmethod
    def _slow(case: Case) -> float | None:
        profile = case.profile
        return math.log((case.gap + 0.5) / (profile.beat + 0.5)) if profile.beats >= LASTED - 1 else None


class Pause:
    """The gap beside the longest pause that the incident has made so far; one with many signs of life says more."""

    name = "pause"
    knots = (-4.0, -2.0, -1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0)
    few = tuple(f"pause.few@{knot:g}" for knot in knots)
    many = tuple(f"pause.many@{knot:g}" for knot in knots)
    storm = tuple(f"pause.storm@{knot:g}" for knot in knots)
    many_from, storm_from = 20, 150  # signs of life

    def parts(self, case: Case) -> Parts:
        """Its measurements: see the class."""
        beats = case.profile.beats
        if beats < LASTED - 1:
            return []
        names = self.storm if beats >= self.storm_from else self.many if beats >= self.many_from else self.few
        return between(self.knots, names, self._beyond(case))

    def detail(self, case: Case) -> str:
        """In words, for a person."""
        return f"its longest pause so far was {duration(case.profile.longest)}" if case.profile.beats else ""

    @staticmethod
    def _beyond(case: Case) -> float:
        return math.log((case.gap + 1.0) / (case.profile.longest + 1.0))


class Hush:
    """Silence after a storm that kept coming, several a second for several seconds: it has ended, as one that is told
    in beats (all at one second, then none for a minute) has not."""

    name = "hush"
    knots = (0.0, 2.0, 4.0, 7.0, 12.0, 20.0, 40.0, 70.0, 150.0, 600.0)
    names = tuple(f"hush@{knot:g}" for knot in knots)

    def parts(self, case: Case) -> Parts:
        """Its measurements: see the class."""
        return between(self.knots, self.names, case.gap) if case.profile.stormy else []

    def detail(self, case: Case) -> str:
        """In words, for a person."""
        return f"quiet for {duration(case.gap)} after a storm" if case.profile.stormy else ""


class Momentum:
    """Which of the open incidents is active now: a burst draws what comes, an old one has had its symptoms."""

    name = "momentum"

    def parts(self, case: Case) -> Parts:
        """Its measurements: see the class."""
        if not case.momentum:
            return []
        return [("momentum.busy" if case.momentum > 0.0 else "momentum.calm", case.momentum)]

    def detail(self, case: Case) -> str:
        """In words, for a person."""
        return "busier than its rivals" if case.momentum > 0.0 else "calmer than its rivals"


class Lull:
    """The gap beside how long the incident has lasted: silence longer than all that went before is an end."""

    name = "lull"
    knots = (-6.0, -4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 4.0)
    names = tuple(f"lull@{knot:g}" for knot in knots)

    def parts(self, case: Case) -> Parts:
        """Its measurements: see the class."""
        times = case.profile.times
        if len(times) < LASTED:
            return []
        return between(self.knots, self.names, math.log((case.gap + 1.0) / (times[-1] - times[0] + 10.0)))

    def detail(self, case: Case) -> str:
        """In words, for a person."""
        times = case.profile.times
        return f"it has lasted {duration(times[-1] - times[0])}" if len(times) >= LASTED else ""
