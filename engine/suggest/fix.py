"""From matches to fixes: resolutions that say the same are one fix, with its record of having helped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median

from engine.domain import Fix, Incident, Suggestion
from engine.suggest import entities
from engine.suggest.document import terms
from engine.suggest.resolutions import fix_is_useful, kind_of, steps

_SAME_WORDS = 0.5  # share of all their words that two tellings of one fix have in common
_CONTAINED = 0.8  # share of the shorter telling's words that the longer one repeats ...
_ENOUGH = 4  # ... if it has at least so many
_HALF_LIFE_DAYS = 730.0  # after which a fix is worth half: systems change, but old fixes are not forgotten
_FLOOR = 0.25  # and never less than this
_CAME_BACK = timedelta(days=3)  # the same problem of the same service again, so soon after, was not fixed
_SAME_PROBLEM = 0.5  # probability from which on two matches count as one problem
_PRIOR_HELPED, _PRIOR_USED = 1.6, 2.0  # what is assumed of a fix that nobody has seen work or fail
_COMMANDS = 10
_NAMES = 5


@dataclass
class _Group:
    words: frozenset[str]
    matches: list[Suggestion] = field(default_factory=list)


def fixes_of(
    matches: Sequence[Suggestion], asked_at: datetime, said: Mapping[str, Sequence[bool]] | None = None, top: int = 5
) -> tuple[Fix, ...]:
    """The `top` fixes among the resolutions of `matches` (likeliest first), likeliest to help first.

    `said` holds what people said of an incident's fix when they tried it elsewhere, by the id of that incident:
    whether it helped, each time. Resolutions that say nothing are left out. A match whose problem came back within
    days counts as not helped.
    """
    groups: list[_Group] = []
    for match in matches:
        if fix_is_useful(match.incident.resolution):
            _home(groups, _words(match.incident)).matches.append(match)
    made = [_fix(group.matches, matches, asked_at, said or {}) for group in groups]
    return tuple(sorted(made, key=lambda fix: -fix.score)[:top])


def came_back(ended: Incident, matches: Sequence[Suggestion]) -> bool:
    """Whether, among `matches`, the problem of `ended` was there again within days of its end."""
    if ended.closed_at is None:
        return False
    again = (match.incident for match in matches if match.score >= _SAME_PROBLEM)
    return any(
        timedelta(0) < later.opened_at - ended.closed_at <= _CAME_BACK
        and later.id != ended.id
        and later.service.casefold() == ended.service.casefold()
        for later in again
    )


def alike(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two tellings, as sets of words, are of one fix."""
    common, shorter = len(one & other), min(len(one), len(other))
    if not common:
        return False
    return common >= _SAME_WORDS * len(one | other) or (shorter >= _ENOUGH and common >= _CONTAINED * shorter)


def _home(groups: list[_Group], words: frozenset[str]) -> _Group:
    for group in groups:
        if alike(group.words, words):
            return group
    groups.append(_Group(words))
    return groups[-1]


def _words(incident: Incident) -> frozenset[str]:
    return frozenset(terms(_told(incident)))


def _told(incident: Incident) -> str:
    return incident.resolution.text if incident.resolution else ""


def _fix(
    own: Sequence[Suggestion], matches: Sequence[Suggestion], asked_at: datetime, said: Mapping[str, Sequence[bool]]
) -> Fix:
    opinions = [helped for match in own for helped in said.get(match.incident.id, ())]
    used, helped = len(own) + len(opinions), sum(not came_back(m.incident, matches) for m in own) + sum(opinions)
    usefulness = (helped + _PRIOR_HELPED) / (used + _PRIOR_USED)
    missed = 1.0
    for match in own:
        missed *= 1 - match.score * usefulness * _decay(match.incident, asked_at)
    latest = sorted(own, key=lambda match: match.incident.known_from, reverse=True)
    took = [(m.incident.closed_at - m.incident.opened_at).total_seconds() / 60 for m in own if m.incident.closed_at]
    text = _told(own[0].incident).strip()
    commands = (each for match in own for each in entities.commands(_told(match.incident)))
    people = (match.incident.resolution.resolver for match in latest if match.incident.resolution)
    return Fix(
        text=text,
        score=1 - missed,
        kind=kind_of(text),
        incident_ids=tuple(match.incident.id for match in own),
        last_at=latest[0].incident.known_from,
        steps=steps(text),
        commands=tuple(dict.fromkeys(commands))[:_COMMANDS],
        resolvers=tuple(dict.fromkeys(filter(None, people)))[:_NAMES],
        minutes=median(took) if took else None,
        used=used,
        helped=helped,
    )


def _decay(incident: Incident, asked_at: datetime) -> float:
    age_days = max((asked_at - incident.known_from).total_seconds(), 0) / 86_400
    return float(max(0.5 ** (age_days / _HALF_LIFE_DAYS), _FLOOR))
