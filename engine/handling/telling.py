"""What the correlator of one process is told, noted down so that those of others are told the very same.

A correlator is a machine of states: the same words in the same order give the same groups. What is stored of an alert
is how it ended up; what was told of it on the way, and between what else, is in these words alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from engine.domain import Alert, AlertStatus, Match, Severity, Suspect
from engine.handling.apart import Apart
from engine.ports import CorrelatorPort, Revised

Word = list[Any]  # a verb and what it needs, as JSON holds it
ANEW = "anew"  # the verb for what could not be told: read the store again


class Telling:
    """A correlator within one transaction. Questions go through; so does what changes it, noted in `words`."""

    def __init__(self, correlator: CorrelatorPort) -> None:
        """Of the `correlator` that is level with the store."""
        self._correlator = correlator
        self.words: list[Word] = []
        self.at: datetime | None = None  # the latest arrival among the alerts in them

    @property
    def rests(self) -> bool:
        """Whether the correlator is left out."""
        return isinstance(self._correlator, Apart)

    def leave_out(self) -> None:
        """Neither ask the correlator nor tell it anything more; what it is not told is noted all the same."""
        self._correlator = Apart()

    def ask_anew(self) -> None:
        """Every process builds its correlator anew from the store after this transaction."""
        self.words.append([ANEW])

    def predict_one(self, alert: Alert) -> Match:
        """Ask."""
        return self._correlator.predict_one(alert)

    def roots(self, incident_id: str) -> Sequence[tuple[str, float]]:
        """Ask."""
        return self._correlator.roots(incident_id)

    def suspects(self, alerts: Iterable[Alert]) -> Sequence[Suspect]:
        """Ask."""
        return self._correlator.suspects(alerts)

    def revise(self, now: datetime) -> Sequence[Revised]:
        """Ask."""
        return self._correlator.revise(now)

    def explain(self, alert_id: str) -> Match | None:
        """Ask."""
        return self._correlator.explain(alert_id)

    def lessons(self) -> Mapping[str, float]:
        """Ask."""
        return self._correlator.lessons()

    def learn_one(self, alert: Alert, incident_id: str, *, alert_of: str | None = None) -> None:
        """Tell. The texts of `alert` are those of the stored one: they are not noted."""
        self._correlator.learn_one(alert, incident_id, alert_of=alert_of)
        status, severity = alert.status.value, alert.severity.value
        self.at = max(self.at or alert.received_at, alert.received_at)
        self.words.append(["learn", incident_id, alert_of, alert.id, alert.starts_at, status, alert.ends_at, severity])

    def close(self, incident_id: str, at: datetime) -> None:
        """Tell."""
        self._correlator.close(incident_id, at)
        self.words.append(["close", incident_id, at])

    def move(self, alert_id: str, incident_id: str) -> None:
        """Tell."""
        self._correlator.move(alert_id, incident_id)
        self.words.append(["move", alert_id, incident_id])

    def correct(self, alert_ids: Sequence[str], incident_id: str) -> None:
        """Tell."""
        self._correlator.correct(alert_ids, incident_id)
        self.words.append(["correct", list(alert_ids), incident_id])

    def merge(self, source_id: str, target_id: str) -> None:
        """Tell."""
        self._correlator.merge(source_id, target_id)
        self.words.append(["merge", source_id, target_id])

    def pin(self, alert_ids: Iterable[str]) -> None:
        """Tell."""
        ids = list(alert_ids)
        self._correlator.pin(ids)
        self.words.append(["pin", ids])

    def unpin(self, alert_ids: Iterable[str]) -> None:
        """Tell."""
        ids = list(alert_ids)
        self._correlator.unpin(ids)
        self.words.append(["unpin", ids])

    def part(self, one_id: str, other_id: str) -> None:
        """Tell."""
        self._correlator.part(one_id, other_id)
        self.words.append(["part", one_id, other_id])

    def take_lessons(self, lessons: Mapping[str, float]) -> None:
        """Tell; what is learned is stored by itself, and not noted."""
        self._correlator.take_lessons(lessons)


def last_said(words: Sequence[Word]) -> Sequence[Word]:
    """The words after the last `ANEW`."""
    places = [place for place, word in enumerate(words) if word == [ANEW]]
    return words[places[-1] + 1 :] if places else words


def alerts_of(words: Iterable[Word]) -> set[str]:
    """The ids of the stored alerts that are needed to say these words again."""
    return {word[2] or word[3] for word in words if word[0] == "learn"}


def begun_in(words: Iterable[Word]) -> set[str]:
    """The ids of the alerts that were first told of in these words."""
    return {word[3] for word in words if word[0] == "learn" and word[2] is None}


def say(correlator: CorrelatorPort, word: Word, stored: Mapping[str, Alert]) -> None:
    """Tell `correlator` what `word` notes, with the texts of the `stored` alerts; nothing of one that is not there."""
    verb, *rest = word
    if verb == "learn":
        _learn(correlator, stored, rest)
    elif verb == "close":
        correlator.close(rest[0], datetime.fromisoformat(rest[1]))
    else:
        said: dict[str, Callable[..., None]] = {
            "move": correlator.move,
            "correct": correlator.correct,
            "merge": correlator.merge,
            "pin": correlator.pin,
            "unpin": correlator.unpin,
            "part": correlator.part,
        }
        said[verb](*rest)


def _learn(correlator: CorrelatorPort, stored: Mapping[str, Alert], noted: Word) -> None:
    incident_id, alert_of, alert_id, starts_at, status, ends_at, severity = noted
    known = stored.get(alert_of or alert_id)
    if known is None:
        return
    alert = replace(
        known,
        id=alert_id,
        starts_at=datetime.fromisoformat(starts_at),
        status=AlertStatus(status),
        ends_at=datetime.fromisoformat(ends_at) if ends_at else None,
        severity=Severity(severity),
    )
    correlator.learn_one(alert, incident_id, alert_of=alert_of)
