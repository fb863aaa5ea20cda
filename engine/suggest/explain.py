"""The reasons of a suggestion in words: what exactly agrees between two incidents."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from engine.suggest.index import FieldIndex
from engine.suggest.signals import Scan

_SHOWN = 4  # shared words named in one reason


def reasons(scan: Scan, slot: int, signal: str) -> str:
    """What agrees (or not) in `signal` between the question and the past incident in `slot`; "" if nothing to say."""
    say = _SAYERS.get(signal)
    return say(scan, slot) if say else ""


def _words(scan: Scan, slot: int) -> str:
    asked, past = scan.question.document, scan.memory.documents[slot]
    return _shared(scan.memory.body, asked.body, past.body)


def _title(scan: Scan, slot: int) -> str:
    asked, past = scan.question.document, scan.memory.documents[slot]
    if asked.title and asked.title == past.title:
        return "the same title"
    return _shared(scan.memory.title, asked.title, past.title)


def _names(scan: Scan, slot: int) -> str:
    asked, past = scan.question.document, scan.memory.documents[slot]
    return _shared(scan.memory.names, asked.names, past.names)


def _meaning(scan: Scan, slot: int) -> str:
    return "" if scan.meaning is None else f"cosine {scan.meaning[slot]:.2f}"


def _service(scan: Scan, slot: int) -> str:
    return _label(scan.question.incident.service, scan.memory.incidents[slot].service)


def _category(scan: Scan, slot: int) -> str:
    return _label(scan.question.incident.category, scan.memory.incidents[slot].category)


def _priority(scan: Scan, slot: int) -> str:
    return _label(scan.question.incident.priority, scan.memory.incidents[slot].priority)


def _alerts(scan: Scan, slot: int) -> str:
    shared = len(scan.question.symptoms & scan.memory.symptoms[slot])
    return f"{shared} alerts in common" if shared else ""


def _time(scan: Scan, slot: int) -> str:
    gap = scan.question.incident.opened_at - scan.memory.incidents[slot].opened_at
    return f"{gap.days} days before" if gap.days else f"{gap.total_seconds() / 3600:.0f} hours before"


def _label(asked: str, past: str) -> str:
    if not asked or not past:
        return ""
    return f"both {asked}" if asked.casefold() == past.casefold() else f"{past}, not {asked}"


def _shared(index: FieldIndex, asked: Iterable[str], past: Iterable[str]) -> str:
    common = sorted(set(asked) & set(past), key=lambda term: (-index.rarity(term), term))
    return "both say " + ", ".join(common[:_SHOWN]) if common else "no word in common"


_SAYERS: dict[str, Callable[[Scan, int], str]] = {
    "same words": _words,
    "same title": _title,
    "same identifiers": _names,
    "same meaning": _meaning,
    "same service": _service,
    "same category": _category,
    "same priority": _priority,
    "same alerts": _alerts,
    "time between": _time,
}
