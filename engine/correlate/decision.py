"""Join or open: the candidates' scores in, a match with its reasons out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from engine.correlate.case import Case
from engine.correlate.profiles import Profile
from engine.correlate.signals import SIGNALS, judges_of, summed
from engine.domain import Alert, AlertStatus, Evidence, Match

CERTAIN = 20.0  # log-odds written for what is identity, not inference
_CROWD = 0.8  # 0: an alert opens where no single incident is likelier than that; 1: where all together are not
_PROVISIONAL_BELOW = math.log(3.0)  # margin, in log-odds, under which a place is shown as provisional
_TOP = 50.0  # log-odds beyond which exp says nothing more


class Decider:
    """Weighs an alert's candidate incidents against each other and against opening a new one."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        self.judges = judges_of(weights)
        self.score = summed(self.judges)

    def decide(self, alert: Alert, cases: Sequence[Case], *, explain: bool = True) -> Match:
        """Where `alert` belongs. Without `explain` the match has no evidence."""
        scored = sorted(((self.score(case), case) for case in cases), key=lambda pair: (-pair[0], pair[1].profile.id))
        if not scored:
            return _alone()
        best, case = scored[0]
        second = scored[1] if len(scored) > 1 else None
        total = 1.0 + sum(_odds(score) for score, _ in scored)
        # Fragments of one incident share what belongs to it: what they say together counts for belonging somewhere.
        stays = best + _CROWD * math.log(max(1e-30, total - 1.0) / _odds(best))
        joins = stays > 0.0
        margin = min(stays, best - second[0] if second else math.inf) if joins else -stays
        return Match(
            incident_id=case.profile.id if joins else None,
            probability=(_odds(best) if joins else 1.0) / total,
            score=stays,
            evidence=(*self.explain(case), *_crowd(stays - best, len(scored))) if explain else (),
            runner_up=(second[1].profile.id if second else None) if joins else case.profile.id,
            margin=margin,
            provisional=margin < _PROVISIONAL_BELOW,
            repeat_of=_earlier(alert, case.profile) if joins else None,
        )

    def placed(self, incident_id: str, cases: Sequence[Case]) -> Match | None:
        """What speaks for the incident that an alert is in, beside its rivals; None where that is not for it."""
        scored = {case.profile.id: (self.score(case), case) for case in cases}
        score, case = scored.pop(incident_id, (0.0, None))
        if case is None or score <= 0.0:
            return None
        runner_up = max(scored, key=lambda name: (scored[name][0], name), default=None)
        best = scored[runner_up][0] if runner_up is not None else 0.0
        margin = max(0.0, score - max(0.0, best))
        return Match(
            incident_id=incident_id,
            probability=_odds(score) / (1.0 + sum(_odds(each) for each, _ in (*scored.values(), (score, case)))),
            score=score,
            evidence=self.explain(case),
            runner_up=runner_up,
            margin=margin,
            provisional=margin < _PROVISIONAL_BELOW,
        )

    def explain(self, case: Case) -> tuple[Evidence, ...]:
        """The reasons of a score: their weights sum to it."""
        found = []
        for signal, judge in zip(SIGNALS, self.judges, strict=True):
            weight = judge(case)
            if weight:
                found.append(Evidence(signal=signal.name, weight=weight, detail=signal.detail(case)))
        return tuple(found)


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
    ids = profile.episodes.get(alert.fingerprint, ())
    firing = (profile.members[alert_id] for alert_id in reversed(ids) if not profile.members[alert_id].resolved)
    member = next(firing, None)
    if member is None or (alert.status is AlertStatus.RESOLVED and alert.ends_at is None):
        return member.alert_id if member else None
    until = alert.ends_at.timestamp() if alert.ends_at else math.inf
    return member.alert_id if member.at <= until else None
