"""One alert explains another: while the cause fires, its consequences are muted, whichever came first.

The rules are those of Alertmanager (source and target matchers, labels that must be equal; what is on both sides of a
rule is not muted by others that are). There an alert that arrives before its cause is told all the same
(prometheus/alertmanager#2229) and a restart tells it again (#4064); here muting is a state of what is stored, judged
again whenever a cause comes or goes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.domain import Alert
from engine.errors import InvalidInput
from engine.lifecycle.matchers import Matcher, all_hold, require_selective, value_of

_MOST_EQUAL = 20
_LONGEST_LINGER_S = 86_400.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """While an alert that meets `source` fires, alerts that meet `target` and agree with it in `equal` are muted."""

    id: str  # "IR-n", "" before it is stored
    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...] = ()  # fields or labels; missing on both sides counts as equal, as in Alertmanager
    linger_s: float = 0.0  # seconds for which targets stay muted after the source has ended: they end a little later
    comment: str = ""
    created_by: str = ""

    def __post_init__(self) -> None:
        require_selective(self.source, "source")
        require_selective(self.target, "target")
        if len(self.equal) > _MOST_EQUAL or not all(0 < len(name) <= 200 for name in self.equal):
            raise InvalidInput(f"equal holds more than {_MOST_EQUAL} names, or one that is empty or too long")
        if not 0.0 <= self.linger_s <= _LONGEST_LINGER_S:
            raise InvalidInput("linger_s lies outside 0 to 86400")

    def side(self, alert: Alert) -> Side | None:
        """Where `alert` stands in this rule; None if it is nothing to it. Heartbeats never are."""
        if alert.is_heartbeat:
            return None
        source, target = all_hold(self.source, alert), all_hold(self.target, alert)
        if not source and not target:
            return None
        values = "\x1f".join([self.id, *(value_of(alert, name) for name in sorted(self.equal))])
        key = hashlib.sha256(values.encode("utf-8", "replace")).hexdigest()[:16]
        return Side(
            rule_id=self.id,
            alert_id=alert.id,
            key=key,
            source=source,
            target=target,
            starts_at=alert.starts_at,
            ends_at=alert.ends_at,
        )

    def text(self) -> str:
        """What is meant, in one line."""
        source, target = (", ".join(map(str, side)) for side in (self.source, self.target))
        return f"{source} mutes {target}" + (f" with equal {', '.join(self.equal)}" if self.equal else "")


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """An alert's part in one rule. Sides with the same key meet."""

    rule_id: str
    alert_id: str
    key: str  # the rule and the values of its `equal`, digested
    source: bool
    target: bool
    starts_at: datetime  # UTC
    ends_at: datetime | None = None  # UTC; None while it fires

    def mutes(self, other: Side, linger_s: float) -> bool:
        """Whether this one, as long as it lasts and `linger_s` after, has the say over `other` at its end or now."""
        if not (self.source and other.target) or (other.source and self.target) or self.alert_id == other.alert_id:
            return False
        if other.ends_at is None:
            return True
        until = self.until(linger_s)
        return self.starts_at <= other.ends_at and (until is None or until >= other.ends_at)

    def until(self, linger_s: float) -> datetime | None:
        """When its say ends; None while it fires."""
        return None if self.ends_at is None else self.ends_at + timedelta(seconds=linger_s)


def strongest(target: Side, sources: Iterable[Side], linger_s: float) -> Side | None:
    """Of `sources`, the one that mutes `target` longest; of several, the one that began first."""
    able = [one for one in sources if one.mutes(target, linger_s)]
    if not able:
        return None
    firing = [one for one in able if one.ends_at is None]
    if firing:
        return min(firing, key=lambda one: (one.starts_at, one.alert_id))
    return max(able, key=lambda one: (one.ends_at or one.starts_at, one.alert_id))
