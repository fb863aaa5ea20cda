"""How the sizes and times of two incidents lie to each other."""

from __future__ import annotations

import math

from engine.correlate.case import Parts, between
from engine.correlate.profile import Profile


class Between:
    """What is measured between two incidents beside what their alerts say of each other."""

    sizes = (1.0, 2.0, 3.0, 6.0, 15.0, 60.0, 300.0)
    small_names = tuple(f"merge.small@{size:g}" for size in sizes)
    large_names = tuple(f"merge.large@{size:g}" for size in sizes)
    onsets = (0.0, 10.0, 60.0, 180.0, 600.0, 1800.0, 7200.0)
    onset_names = tuple(f"merge.onset@{onset:g}" for onset in onsets)
    silences = (0.0, 2.0, 5.0, 10.0, 20.0, 45.0, 90.0, 180.0, 600.0, 1800.0)
    silence_names = tuple(f"merge.silence@{silence:g}" for silence in silences)
    hush_names = tuple(f"merge.hush@{silence:g}" for silence in silences)
    pauses = (-4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 5.0)
    pause_names = tuple(f"merge.pause@{pause:g}" for pause in pauses)

    def parts(self, one: Profile, other: Profile) -> Parts:
        """Its measurements: see the class."""
        small, large = sorted((float(len(one.members)), float(len(other.members))))
        shared = len(one.episodes.keys() & other.episodes.keys()) / max(1, min(len(one.episodes), len(other.episodes)))
        first, last = max(one.first, other.first), min(one.times[-1], other.times[-1])
        shorter = min(one.times[-1] - one.first, other.times[-1] - other.first)
        overlap = min(1.0, max(0.0, last - first + 1.0) / (shorter + 1.0))
        found = between(self.sizes, self.small_names, small) + between(self.sizes, self.large_names, large)
        found += between(self.onsets, self.onset_names, abs(one.first - other.first))
        found += self._silence(*sorted((one, other), key=lambda profile: profile.first))
        return [*found, ("merge.shared", shared), ("merge.overlap", overlap), ("merge.both", shared * overlap)]

    def _silence(self, earlier: Profile, later: Profile) -> Parts:
        """What lay between the end of the earlier one and the beginning of the later one, also by its own pauses."""
        silence = max(0.0, later.first - earlier.last)
        found = between(self.silences, self.silence_names, silence)
        if earlier.beats:
            found += between(self.pauses, self.pause_names, math.log((silence + 1.0) / (earlier.longest + 1.0)))
        return found + between(self.silences, self.hush_names, silence) if earlier.stormy else found
