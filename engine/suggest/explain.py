"""The reasons of a suggestion in words: what exactly agrees between two incidents."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engine.suggest.document import teller_of
from engine.suggest.signals import Scan

_SHOWN = 4  # shared words named in one reason
_LOOKED_AT = 40  # of which those are chosen


def reasons(scan: Scan, slot: int, signal: str) -> str:
    """What agrees (or not) in `signal` between the question and the past incident in `slot`; "" if nothing to say."""
    say = _SAYERS.get(signal)
    return say(scan, slot) if say else ""


def _words(scan: Scan, slot: int) -> str:
    return _shared(scan, slot, "body")


def _title(scan: Scan, slot: int) -> str:
    return _shared(scan, slot, "title")


def _names(scan: Scan, slot: int) -> str:
    common = scan.words["names"].shared(slot, _LOOKED_AT)
    telling = [name for name in common if not name.isdigit()]  # line numbers of a trace are as rare, and say nothing
    return "both say " + ", ".join((telling or common)[:_SHOWN]) if common else "nothing in common"


def _phrases(scan: Scan, slot: int) -> str:
    return _shared(scan, slot, "phrases")


def _meaning(scan: Scan, slot: int) -> str:
    return "" if scan.meaning is None else f"cosine {scan.meaning.of(np.array([slot]))[0]:.2f}"


def _service(scan: Scan, slot: int) -> str:
    return _label(scan.question.incident.service, scan.memory.incidents[slot].service)


def _category(scan: Scan, slot: int) -> str:
    return _label(scan.question.incident.category, scan.memory.incidents[slot].category)


def _priority(scan: Scan, slot: int) -> str:
    return _label(scan.question.incident.priority, scan.memory.incidents[slot].priority)


def _alerts(scan: Scan, slot: int) -> str:
    shared = len(scan.question.symptoms & scan.memory.symptoms[slot])
    return f"{shared} alert{'s' if shared > 1 else ''} in common" if shared else ""


def _time(scan: Scan, slot: int) -> str:
    gap = scan.question.incident.opened_at - scan.memory.incidents[slot].opened_at
    return f"{gap.days} days before" if gap.days else f"{gap.total_seconds() / 3600:.0f} hours before"


def _reporter(scan: Scan, slot: int) -> str:
    same = teller_of(scan.question.incident).casefold() == teller_of(scan.memory.incidents[slot]).casefold()
    return "told by the same person" if same and teller_of(scan.question.incident) else ""


def _near(scan: Scan, slot: int) -> str:
    service = scan.memory.incidents[slot].service
    return f"{service} is beside {scan.question.incident.service}" if service.casefold() in scan.question.near else ""


def _labels(scan: Scan, slot: int) -> str:
    common = scan.words["labels"].shared(slot, _SHOWN)
    return ", ".join(common)


def _label(asked: str, past: str) -> str:
    if not asked or not past:
        return ""
    return f"both {asked}" if asked.casefold() == past.casefold() else f"{past}, not {asked}"


def _shared(scan: Scan, slot: int, field: str) -> str:
    common = scan.words[field].shared(slot, _SHOWN)
    return "both say " + ", ".join(common) if common else "nothing in common"


_SAYERS: dict[str, Callable[[Scan, int], str]] = {
    "same words": _words,
    "same title": _title,
    "same identifiers": _names,
    "same phrases": _phrases,
    "same meaning": _meaning,
    "same service": _service,
    "same category": _category,
    "same priority": _priority,
    "same alerts": _alerts,
    "time between": _time,
    "same reporter": _reporter,
    "neighbouring service": _near,
    "same labels": _labels,
}
