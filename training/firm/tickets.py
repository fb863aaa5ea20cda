"""The firm's tickets, written as people write: half of it missing, the wrong service named, a fix in a few words."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from engine.domain import Incident, IncidentStatus, Resolution
from training.firm.layout import Layout
from training.firm.people import TEAM_OF, Person, choose
from training.firm.signals import Fault, Signal, number

_OPENINGS = ("", "", "Hi, ", "Reported by phone: ", "Urgent: ", "User says: ", "Again: ", "FW: ")
_REMARKS = (
    "Started around {clock}.", "Several customers called.", "Was fine yesterday.", "No change planned that I know of.",
    "Please look at this soon.", "Only some users are affected.", "See the alerts.", "Tried a restart, did not help.",
    "Dashboard is red.", "Second time this month.", "Colleague at the desk has the same.", "{host} looks suspicious.",
)  # fmt: skip
_USELESS = (
    "Fixed.",
    "Solved",
    "Restarted, works again",
    "done, see chat",
    "OK now",
    "Resolved itself after a while",
    "",
)
_ENDINGS = (
    "",
    "",
    "",
    ". Monitored for an hour.",
    ". Customer informed.",
    ". Will be discussed in the weekly.",
    ". Root cause still open.",
    ". Thanks to the night shift.",
)
_CHANNELS = ("monitoring", "monitoring", "phone", "mail", "portal")


def _slip(text: str, rng: Random) -> str:
    """One typing error, now and then."""
    if len(text) < 12 or rng.random() > 0.12:
        return text
    at = rng.randrange(1, len(text) - 2)
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def _title(fault: Fault, signals: list[Signal], seen: dict[str, str], rng: Random) -> str:
    """A person's words, or those of the first alert."""
    if rng.random() < 0.3:
        return signals[0].title
    return _slip(rng.choice(_OPENINGS) + rng.choice(fault.kind.tells).format(**seen), rng)


def _description(fault: Fault, signals: list[Signal], seen: dict[str, str], rng: Random) -> str:
    """Empty, a remark or two, another telling of it, or pasted alerts."""
    if rng.random() < 0.2:
        return ""
    lines = [text.format(**seen) for text in rng.sample(_REMARKS, rng.randint(0, 2))]
    if rng.random() < 0.5:
        lines.insert(0, rng.choice(fault.kind.tells).format(**seen))
    if rng.random() < 0.45:
        lines += [signal.title for signal in signals[: rng.randint(1, 3)]]
    return _slip("\n".join(lines), rng)


def _fix(fault: Fault, seen: dict[str, str], rng: Random) -> str:
    if rng.random() < 0.08:
        return rng.choice(_USELESS)
    return rng.choice(fault.kind.fixes).format(**seen, n=rng.randint(2, 9)) + rng.choice(_ENDINGS)


def _service(fault: Fault, signals: list[Signal], rng: Random) -> str:
    """The service the ticket names: where it hurts, mostly; where it is broken, at times; or none."""
    draw = rng.random()
    if draw < 0.15:
        return ""
    shown = [signal.service for signal in signals if signal.service]
    return rng.choice(shown) if shown and draw < 0.6 else fault.place.name


def _priority(signals: list[Signal], rng: Random) -> str:
    worst = sum(signal.severity == "critical" for signal in signals)
    return f"P{min(4, max(1, 3 - min(2, worst) + rng.choice((-1, 0, 0, 1))))}"


def ticket(
    fault: Fault, signals: list[Signal], layout: Layout, people: list[Person], zone_clock: str, rng: Random
) -> Incident:
    """The closed ticket of one fault. `signals` are its own, earliest first."""
    opened = signals[0].starts_at + timedelta(minutes=rng.lognormvariate(1.2, 0.8))
    callers = layout.dependents(fault.place)
    host = rng.choice(fault.place.hosts)
    seen = {
        "service": fault.place.name,
        "host": host,
        "caller": rng.choice(callers or [fault.place.name]),
        "peer": (fault.place.needs or ("the database",))[0],
        "clock": zone_clock,
    }
    closed = max(fault.ends_at, opened) + timedelta(minutes=rng.uniform(5, 240))
    who = choose(people, fault.kind.skill, fault.place.product, opened, rng)
    team = who.team if rng.random() < 0.92 else TEAM_OF[fault.kind.skill]
    return Incident(
        id=fault.incident_id,
        opened_at=opened.replace(microsecond=0),
        closed_at=closed.replace(microsecond=0),
        title=_title(fault, signals, seen, rng),
        description=_description(fault, signals, seen, rng),
        service=_service(fault, signals, rng),
        category=fault.kind.category if rng.random() < 0.65 else rng.choice(("application", "other", "")),
        priority=_priority(signals, rng),
        status=IncidentStatus.RESOLVED,
        resolution=Resolution(
            text=_fix(fault, seen, rng), resolver=who.id, team=team, resolved_at=closed.replace(microsecond=0)
        ),
        fields={"channel": rng.choice(_CHANNELS)},
    )


def cleared(signal: Signal, people: list[Person], rng: Random) -> Incident:
    """The ticket of an alert that turned out to be nothing."""
    opened: datetime = (signal.starts_at + timedelta(minutes=rng.uniform(1, 20))).replace(microsecond=0)
    closed = opened + timedelta(minutes=rng.randint(5, 300))
    who = choose(people, rng.choice(list(TEAM_OF)), "", opened, rng)
    words = (
        "Cleared by itself, no action.",
        "No fault found.",
        "Known, nothing to do.",
        f"Ignored, below {number(rng)} it is fine.",
    )
    return Incident(
        id=signal.incident_id,
        opened_at=opened,
        closed_at=closed,
        title=signal.title,
        service=signal.service if rng.random() < 0.6 else "",
        priority="P4",
        status=IncidentStatus.RESOLVED,
        resolution=Resolution(text=rng.choice(words), resolver=who.id, team=who.team, resolved_at=closed),
        fields={"channel": "monitoring"},
    )
