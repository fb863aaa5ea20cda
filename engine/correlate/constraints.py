"""What operators have settled and no evidence undoes: alerts that stay, and what is not one."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from engine.correlate.profile import Profile


class Constraints:
    """Must-links and cannot-links (Wagstaff et al. 2001), by alert and by incident.

    Parting two incidents keeps them from becoming one. The alerts that are in them then are barred each from the other
    one, so that no detour through a third incident brings them together again.
    """

    def __init__(self) -> None:
        self.pinned: set[str] = set()  # alerts that stay where they are
        self.apart: set[frozenset[str]] = set()  # pairs of incidents that are not one
        self.barred: dict[str, set[str]] = {}  # alert -> incidents that it does not join

    def part(self, one_id: str, other_id: str) -> None:
        """These incidents are not one."""
        self.apart.add(frozenset((one_id, other_id)))

    def bar(self, alert_ids: Iterable[str], incident_id: str) -> None:
        """These alerts do not join that incident."""
        for alert_id in alert_ids:
            self.barred.setdefault(alert_id, set()).add(incident_id)

    def join(self, source_id: str, target_id: str, alert_ids: Iterable[str]) -> None:
        """An operator says that both incidents, with these alerts, are one after all."""
        self.apart.discard(frozenset((source_id, target_id)))
        for alert_id in alert_ids:
            self.barred.get(alert_id, set()).difference_update((source_id, target_id))

    def emptied(self, source_id: str, target_id: str, inside: Collection[str]) -> None:
        """The last alert of one incident went to the other, which now has `inside`: it is apart from the same ones."""
        for other_id in {name for pair in self.apart if source_id in pair for name in pair}:
            if other_id not in (source_id, target_id):
                self.part(target_id, other_id)
        self.follow(source_id, target_id, inside)

    def follow(self, source_id: str, target_id: str, inside: Collection[str]) -> None:
        """Alerts went from one incident to the other, which now has `inside`: what was barred from them still is."""
        for alert_id, names in self.barred.items():
            if source_id in names and alert_id not in inside:
                names.add(target_id)

    def forget(self, known: Collection[str]) -> None:
        """Only these alerts are remembered."""
        self.barred = {alert_id: names for alert_id, names in self.barred.items() if alert_id in known and names}

    def may_join(self, alert_id: str, from_id: str, to_id: str) -> bool:
        """Whether an alert of one incident may move to the other."""
        return frozenset((from_id, to_id)) not in self.apart and to_id not in self.barred.get(alert_id, ())

    def may_be_one(self, one: Profile, other: Profile) -> bool:
        """Whether two incidents may become one."""
        if frozenset((one.id, other.id)) in self.apart:
            return False
        return not self.barred or not (self._barred(one, other.id) or self._barred(other, one.id))

    def _barred(self, profile: Profile, incident_id: str) -> bool:
        return any(incident_id in self.barred[name] for name in self.barred.keys() & profile.members.keys())
