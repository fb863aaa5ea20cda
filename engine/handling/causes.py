"""Alerts that explain others, in one transaction: who stands where in the rules, and what follows for whom."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from engine.domain import Alert, AlertStatus, Evidence, IncidentStatus, Match, Mute, MuteKind
from engine.handling.ledger import Ledger
from engine.lifecycle.inhibition import Rule, Side, strongest
from engine.store import inhibitions
from engine.store.records import Origin, StoredAlert

_LONGEST_CHAIN = 20  # alerts followed from consequence to cause


class Causes:
    """What is stored of the rules' sides, with what this transaction adds."""

    def __init__(self, ledger: Ledger, rules: Sequence[Rule]) -> None:
        """Of the transaction's `ledger` and the rules in force."""
        self._ledger = ledger
        self._rules = {rule.id: rule for rule in rules}
        self._fresh: dict[str, list[Side]] = {}  # alert id -> its sides, where they may differ from the stored ones

    def note(self, alert: Alert) -> None:
        """Something happened to `alert`."""
        if self._rules:
            self._fresh[alert.id] = self._standing(alert)

    def save(self) -> list[str]:
        """Store what was noted; the ids of the alerts that it may make a difference to."""
        if not self._fresh:
            return []
        self._ledger.write()  # sides point to alerts
        before = inhibitions.sides_of(self._ledger.tx.link, self._fresh)
        after = [side for sides in self._fresh.values() for side in sides]
        inhibitions.replace_sides(self._ledger.tx, self._fresh, after)
        self._fresh = {}
        changed = [side for side in {*before, *after} if side.source and (side not in before or side not in after)]
        if not changed:
            return []
        since = min(side.starts_at for side in changed)
        found = inhibitions.targets(self._ledger.tx.link, {side.key for side in changed}, since)
        return [side.alert_id for side in found]

    def mutes(self, stored: Collection[StoredAlert]) -> dict[str, list[Mute]]:
        """By alert, what mutes it, as far as it did at its end, does now, or did until lately."""
        sides = [side for one in stored for side in self._standing(one.membership.alert) if side.target]
        sources = self._sources({side.key for side in sides})
        found: dict[str, list[Mute]] = defaultdict(list)
        causes = [(side, strongest(side, sources[side.key], self._rules[side.rule_id].linger_s)) for side in sides]
        self._ledger.load({cause.alert_id for _, cause in causes if cause})
        for side, cause in causes:
            explaining = self._alert(cause)
            if cause is not None and explaining is not None and not self._leads_a_circle(side.alert_id, explaining):
                found[side.alert_id].append(_mute(self._rules[side.rule_id], cause, explaining))
        return found

    def _leads_a_circle(self, alert_id: str, explaining: Alert) -> bool:
        """Whether alerts explain each other in a circle of which this one began first: then it has to be heard."""
        stored = self._ledger.alert(alert_id)
        circle = [stored.membership.alert] if stored else []
        following: Alert | None = explaining
        while following is not None and len(circle) < _LONGEST_CHAIN:
            if following.id == alert_id:
                return min(circle, key=lambda one: (one.starts_at, one.id)).id == alert_id
            if any(one.id == following.id for one in circle):
                return False  # the circle is further up, and somebody in it is heard
            circle.append(following)
            following = self._explained_by(following)
        return False

    def _explained_by(self, alert: Alert) -> Alert | None:
        sides = [side for side in self._standing(alert) if side.target]
        sources = self._sources({side.key for side in sides})
        causes = (strongest(side, sources[side.key], self._rules[side.rule_id].linger_s) for side in sides)
        return next((self._alert(cause) for cause in causes if cause is not None and cause.ends_at is None), None)

    def _alert(self, side: Side | None) -> Alert | None:
        stored = self._ledger.alert(side.alert_id) if side is not None else None
        return stored.membership.alert if stored is not None else None

    def beside(self, alert: Alert, match: Match) -> Match:
        """`match`; but an alert that would open an incident, and that one which fires explains, goes to that one's."""
        if not self._rules or match.incident_id is not None or alert.status is AlertStatus.RESOLVED:
            return match
        sides = [side for side in self._standing(alert) if side.target]
        sources = self._sources({side.key for side in sides})
        for side in sides:
            rule = self._rules[side.rule_id]
            cause = strongest(side, [one for one in sources[side.key] if one.ends_at is None], rule.linger_s)
            stored = self._ledger.alert(cause.alert_id) if cause else None
            record = self._ledger.record(stored.membership.incident_id) if stored else None
            if stored and record and record.origin is Origin.ALERTS and record.incident.status is IncidentStatus.OPEN:
                reason = Evidence(signal="inhibition", weight=0.0, detail=_because(rule, stored.membership.alert))
                return Match(incident_id=record.incident.id, probability=1.0, score=0.0, evidence=(reason,))
        return match

    def _standing(self, alert: Alert) -> list[Side]:
        return [side for rule in self._rules.values() if (side := rule.side(alert)) is not None]

    def _sources(self, keys: Collection[str]) -> dict[str, list[Side]]:
        found: dict[str, list[Side]] = defaultdict(list)
        if not keys:
            return found
        stored = inhibitions.sources(self._ledger.tx.link, keys)
        for side in (*(one for one in stored if one.alert_id not in self._fresh), *self._noted(keys)):
            found[side.key].append(side)
        return found

    def _noted(self, keys: Collection[str]) -> Iterable[Side]:
        return (side for sides in self._fresh.values() for side in sides if side.source and side.key in keys)


def _mute(rule: Rule, cause: Side, explaining: Alert) -> Mute:
    return Mute(
        kind=MuteKind.INHIBITION,
        by=rule.id,
        because=_because(rule, explaining),
        until=cause.until(rule.linger_s),
        alert_id=explaining.id,
    )


def _because(rule: Rule, explaining: Alert) -> str:
    where = explaining.service or explaining.host
    return f"explained by {explaining.title[:120]}{f' on {where[:80]}' if where else ''} ({rule.id})"
