"""Later evidence in portions: which alerts and incidents are looked at again now, and which later."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from engine.correlate.profile import Member, Profile
from engine.correlate.profiles import Profiles
from engine.correlate.repair import Repair


class Turns:
    """Which alerts and incidents are looked at again in one asking: all of them, or the next few, each in its turn."""

    def __init__(self) -> None:
        self._left: list[str] = []  # alerts still to come in this round, the next one last

    def incidents(self, changed: Iterable[str], repair: Repair) -> list[str]:
        """Those of the changed incidents that are looked at now."""
        some = max(1, repair.most // repair.sample) if repair.most else None
        return list(islice(changed, some))

    def alerts(self, profiles: Profiles, since: float, repair: Repair) -> list[tuple[Profile, Member]]:
        """Those of the alerts that began at or after `since` that are looked at now, with their incidents."""
        if not repair.most:
            return list(_recent(profiles, since))
        if not self._left:
            self._left = [member.alert_id for _, member in _recent(profiles, since)][::-1]
        some = self._left[: -repair.most - 1 : -1]
        del self._left[-repair.most :]
        homes = [(profiles.open.get(profiles.of_alert.get(alert_id, "")), alert_id) for alert_id in some]
        return [(home, home.members[alert_id]) for home, alert_id in homes if home is not None]


def _recent(profiles: Profiles, since: float) -> Iterable[tuple[Profile, Member]]:
    for profile in profiles.open.values():
        if profile.last >= since:
            for member in profile.members.values():
                if member.at >= since:
                    yield profile, member
