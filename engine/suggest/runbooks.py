"""Pages that say what to do, beside the fixes: those that an alert names, and those that speak of the same things."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from engine.domain import Advice, Alert, Runbook
from engine.suggest.document import Document, terms
from engine.suggest.index import FieldIndex

_NAMED_BY = ("runbook_url", "runbook", "playbook_url", "playbook")  # labels and annotations under which tools send one
_LEAST = 0.12  # of 0..1: below it a page speaks of something else
_SAME_SERVICE = 0.3  # added to the likeness of words
_SHOWN = 3  # shared words named in a reason


class Shelf:
    """The runbooks that are kept, searched by words and service; small enough to be indexed anew at every change."""

    def __init__(self, runbooks: Iterable[Runbook] = ()) -> None:
        self.runbooks = tuple(runbooks)
        self.index = FieldIndex().fit(_words(runbook) for runbook in self.runbooks)

    def find(self, document: Document, service: str, alerts: Sequence[Alert] = (), top: int = 3) -> tuple[Advice, ...]:
        """The `top` pages for an incident read as `document`: those its `alerts` name first, then the closest."""
        named = named_by(alerts)
        known = {advice.runbook.url for advice in named}
        kept = [advice for advice in self._kept(document, service) if advice.runbook.url not in known]
        return tuple([*named, *kept][:top])

    def _kept(self, document: Document, service: str) -> list[Advice]:
        if not self.runbooks:
            return []
        asked = sorted(set(document.fields["head"]))
        scores, own = self.index.scores(asked), max(self.index.self_score(asked), 1e-6)
        likeness = scores / np.sqrt(own * np.maximum(self.index.self_scores(), 1e-6))
        found = []
        for slot, runbook in enumerate(self.runbooks):
            same = service.casefold() in {each.casefold() for each in runbook.services} if service else False
            if runbook.services and service and not same:
                continue
            score = min(float(likeness[slot]) + _SAME_SERVICE * same, 1.0)
            if score >= _LEAST:
                found.append(Advice(runbook=runbook, score=score, because=self._why(asked, slot, service, same)))
        return sorted(found, key=lambda advice: -advice.score)

    def _why(self, asked: Sequence[str], slot: int, service: str, same: bool) -> str:
        shared = self.index.asked(asked).shared(slot, _SHOWN)
        reasons = [f"about {service}"] if same else []
        return "; ".join([*reasons, "both say " + ", ".join(shared)] if shared else reasons)


def named_by(alerts: Sequence[Alert]) -> tuple[Advice, ...]:
    """The pages that `alerts` name, each once."""
    urls = {
        value: alert
        for alert in reversed(alerts)
        for name, value in alert.labels.items()
        if name in _NAMED_BY and value.startswith(("http://", "https://"))
    }
    return tuple(
        Advice(
            runbook=Runbook(id=url, title=f"Runbook of {alert.title}", url=url), score=1.0, because="named by the alert"
        )
        for url, alert in sorted(urls.items())
    )


def _words(runbook: Runbook) -> list[str]:
    return 2 * terms(runbook.title) + terms(runbook.text)
