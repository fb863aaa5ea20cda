"""Join or open: the candidates' scores in, a match with its reasons out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache

from engine.correlate.asked import Asked, Scorer
from engine.correlate.forest import Forest
from engine.correlate.profile import Profile
from engine.correlate.signals import SIGNALS, weighed
from engine.domain import Alert, AlertStatus, Evidence, Match

CERTAIN = 20.0  # log-odds written for what is identity, not inference
_CROWD = 0.8  # 0: an alert opens where no single incident is likelier than that; 1: where all together are not
_PROVISIONAL_BELOW = math.log(3.0)  # margin, in log-odds, under which a place is shown as provisional
_TOP = 50.0  # log-odds beyond which exp says nothing more


class Decider:
    """Weighs an alert's candidate incidents against each other and against opening a new one."""

    def __init__(self, weights: Mapping[str, float], forest: Forest | None = None) -> None:
        self.weights = weights
        self.scorer = Scorer(weights, forest)

    def decide(self, alert: Alert, asked: Asked, *, explain: bool = True) -> Match:
        """Where `alert` belongs. Without `explain` the match has no evidence."""
        if not asked.profiles:
            return _alone()
        scores = asked.scores
        ranked = sorted(range(len(scores)), key=lambda place: (-scores[place], asked.profiles[place].id))
        best, home = scores[ranked[0]], asked.profiles[ranked[0]]
        second = ranked[1] if len(ranked) > 1 else None
        total = 1.0 + sum(_odds(score) for score in scores)
        # Fragments of one incident share what belongs to it: what they say together counts for belonging somewhere.
        stays = best + _CROWD * math.log(max(1e-30, total - 1.0) / _odds(best))
        joins = stays > 0.0
        margin = min(stays, best - scores[second] if second is not None else math.inf) if joins else -stays
        rival = asked.profiles[second].id if second is not None else None
        return Match(
            incident_id=home.id if joins else None,
            probability=(_odds(best) if joins else 1.0) / total,
            score=stays,
            evidence=(*self.explain(asked, ranked[0]), *_crowd(stays - best, len(scores))) if explain else (),
            runner_up=rival if joins else home.id,
            margin=margin,
            provisional=margin < _PROVISIONAL_BELOW,
            repeat_of=_earlier(alert, home) if joins else None,
        )

    def placed(self, incident_id: str, asked: Asked) -> Match | None:
        """What speaks for the incident that an alert is in, beside its rivals; None where that is not for it."""
        names = [profile.id for profile in asked.profiles]
        scores = dict(zip(names, asked.scores, strict=True))
        score = scores.get(incident_id, 0.0)
        if score <= 0.0:
            return None
        runner_up = max((n for n in names if n != incident_id), key=lambda name: (scores[name], name), default=None)
        margin = max(0.0, score - max(0.0, scores[runner_up] if runner_up is not None else 0.0))
        return Match(
            incident_id=incident_id,
            probability=_odds(score) / (1.0 + sum(map(_odds, scores.values()))),
            score=score,
            evidence=self.explain(asked, names.index(incident_id)),
            runner_up=runner_up,
            margin=margin,
            provisional=margin < _PROVISIONAL_BELOW,
        )

    def explain(self, asked: Asked, place: int) -> tuple[Evidence, ...]:
        """The reasons of a score: their weights sum to it."""
        found, case, added = [], asked.case(place), self.scorer.added(asked.rows[place])
        for signal in SIGNALS:
            weight = weighed(self.weights, signal.parts(case)) + added.get(signal.name, 0.0)
            if weight:
                found.append(Evidence(signal=signal.name, weight=weight, detail=signal.detail(case)))
        return tuple(found)


@lru_cache(maxsize=4096)  # a storm of repeats asks the same again and again
def certain(incident_id: str, alert_id: str, reason: str) -> Match:
    """The match of what is known rather than weighed: a repeat or the end of the alert `alert_id`."""
    evidence = (Evidence(signal="identity", weight=CERTAIN, detail=reason),)
    return Match(
        incident_id=incident_id, probability=1.0, score=CERTAIN, evidence=evidence, margin=CERTAIN, repeat_of=alert_id
    )


def _alone() -> Match:
    evidence = (Evidence(signal="background", weight=-CERTAIN, detail="no open incident comes near"),)
    return Match(incident_id=None, probability=1.0, score=-CERTAIN, evidence=evidence, margin=CERTAIN)


def _odds(score: float) -> float:
    return math.exp(min(score, _TOP))


def _crowd(nats: float, count: int) -> tuple[Evidence, ...]:
    detail = f"{count} open incidents compete for it" if nats > 0.0 else ""
    return (Evidence(signal="crowd", weight=nats, detail=detail),) if nats else ()


def _earlier(alert: Alert, profile: Profile) -> str | None:
    """The member that `alert` repeats or resolves: the latest one of its symptom that had not ended by then."""
    ids = profile.ids_of(alert.fingerprint)
    firing = (profile.members[alert_id] for alert_id in reversed(ids) if not profile.members[alert_id].resolved)
    member = next(firing, None)
    if member is None or (alert.status is AlertStatus.RESOLVED and alert.ends_at is None):
        return member.alert_id if member else None
    until = alert.ends_at.timestamp() if alert.ends_at else math.inf
    return member.alert_id if member.at <= until else None
