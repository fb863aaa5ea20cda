"""Why an alert is where it is, in one sentence for a person; the contributions themselves stay with the membership."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.domain import Evidence, Membership

_FOR, _AGAINST = 5, 2  # reasons told of each kind, strongest first
_FAINT = 0.05  # log-odds: reasons that weigh less are not told
_CERTAIN = 7.0  # log-odds: a margin from which on the exact ratio tells nobody more (1,000 times)


def explain(place: Membership) -> str:
    """The strongest reasons first, then what spoke against it, the runner-up and the margin.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from engine.domain import Alert
    >>> at = datetime(2026, 1, 1, tzinfo=UTC)
    >>> alert = Alert(id="a", source="s", title="t", starts_at=at, received_at=at, fingerprint="f")
    >>> reasons = (
    ...     Evidence(signal="gap", weight=0.8, detail="12 s after its nearest alert"),
    ...     Evidence(signal="host", weight=1.9, detail="same host web-1"),
    ...     Evidence(signal="background", weight=-0.6, detail="about 0.4 incidents open per hour"),
    ... )
    >>> explain(Membership(alert=alert, incident_id="INC-1", probability=0.9, score=2.1, evidence=reasons,
    ...                    runner_up="INC-7", margin=3.1))
    'same host web-1; 12 s after its nearest alert; against: about 0.4 incidents open per hour; \
next best INC-7, 22 times less likely (3.1 in log-odds)'
    """
    parts = [*_reasons(place), *_alternative(place)]
    if place.pinned and not _told(place.evidence, "operator"):
        parts.append("pinned by an operator")
    if place.provisional:
        parts.append("provisional: later evidence may move it")
    return "; ".join(parts)


def _reasons(place: Membership) -> list[str]:
    """What spoke for its place; of an alert that opened its incident, what spoke against the nearest other one."""
    stated = [one.detail for one in place.evidence if one.weight == 0.0 and one.detail]
    heavy = [one for one in place.evidence if abs(one.weight) >= _FAINT and one.detail]
    agree = _details([one for one in heavy if one.weight > 0.0], _FOR)
    differ = _details([one for one in heavy if one.weight < 0.0], _AGAINST)
    if place.score < 0.0:
        differ = _details([one for one in heavy if one.weight < 0.0], _FOR)
        agree = agree[:_AGAINST]
        near = ["no open incident was close enough"] if place.runner_up else []
        found = [*near, *stated, *differ, *_group("all the same", agree)]
    else:
        found = [*stated, *agree, *_group("against", differ)]
    return found or ["the first alert of its incident"]


def _details(reasons: Sequence[Evidence], most: int) -> list[str]:
    """The strongest first; a thing that two signals say is told once."""
    strongest = sorted(reasons, key=lambda one: -abs(one.weight))
    return list(dict.fromkeys(one.detail for one in strongest))[:most]


def _group(word: str, said: Sequence[str]) -> list[str]:
    return [f"{word}: {', '.join(said)}"] if said else []


def _alternative(place: Membership) -> list[str]:
    if place.runner_up is None:
        return []
    what = "nearest" if place.score < 0.0 else "next best"
    return [f"{what} {place.runner_up}, {_times(place.margin)}"]


def _times(margin: float) -> str:
    """A margin in log-odds, for people.

    Examples
    --------
    >>> _times(3.1), _times(0.1), _times(12.0)
    ('22 times less likely (3.1 in log-odds)', 'about as likely (0.1 in log-odds)', 'over 1,000 times less likely')
    """
    if margin >= _CERTAIN:
        return "over 1,000 times less likely"
    ratio = math.exp(margin)
    if ratio < 1.2:
        return f"about as likely ({margin:.1f} in log-odds)"
    times = f"{ratio:.1f}" if ratio < 9.95 else f"{ratio:.0f}"
    return f"{times} times less likely ({margin:.1f} in log-odds)"


def _told(evidence: Sequence[Evidence], signal: str) -> bool:
    return any(one.signal == signal for one in evidence)
