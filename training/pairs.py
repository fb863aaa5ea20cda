"""Which incidents of a firm were the same problem, as its people said or did: what the fusion is fitted to there."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.domain import Incident
from engine.suggest.signals import COLUMNS
from training.archive import Snapshot
from training.evaluate import Halves, same_fix
from training.suggest_gate import Judged

_DUPLICATE = re.compile(
    r"\b(?:duplicate[sd]?|dup(?:e)?|merged|same (?:issue|incident|problem|root cause|cause))\b[^.\n]{0,60}",
    re.IGNORECASE,
)
_ID = re.compile(r"[A-Za-z0-9][\w-]*\d")
_NAMES_ONE = frozenset({"duplicate_of", "duplicates", "is_duplicate_of", "merged_into", "parent", "parent_incident"})
_SHARED = frozenset({"problem", "problem_id", "known_error"})  # fields that are the same for one problem
_MANY = 50  # incidents of one problem record: beyond it, it is a drawer for things nobody looked into
_TIMES = [place for place, name in enumerate(COLUMNS) if name.startswith("gap_")]


@dataclass(frozen=True, kw_only=True)
class Lessons:
    """Questions with their right answers, and the history in which these are to be found."""

    history: Sequence[Incident]
    asked: Sequence[Incident]
    relevant: Mapping[str, set[str]]  # ids of earlier incidents of the same problem, by the id of the question
    timeless: frozenset[str] = frozenset()  # questions that were open together with their answer


def lessons(inner: Halves, data: Snapshot) -> Lessons:
    """The later half's repeats: ended by the same words, by a fix said to have helped, called duplicates, or merged.

    Duplicates and merged incidents were open at the same time as the one they repeat, which is therefore known from
    its opening on here; where that is so of the whole kind (merged ones), the time between teaches nothing.
    """
    relevant = {key: set(same) for key, same in same_fix(inner).items() if same}
    for key, accepted in data.accepted.items():
        relevant.setdefault(key, set()).update(accepted)
    whole = {one.id: one for one in data.incidents}
    merged = merges(data.merged, whole)
    told = {**{one.id: one for one in merged.values()}, **whole}
    together = _in_time({key: {end} for key, end in _ends_of(data.merged).items()}, told)
    linked = _in_time(duplicates(data.incidents), told)
    for pairs in (linked, together):
        for key, same in pairs.items():
            relevant.setdefault(key, set()).update(same)
    early = {name for pairs in (linked, together) for same in pairs.values() for name in same}
    history = {one.id: one for one in inner.past.incidents}
    history |= {name: replace(told[name], closed_at=None) for name in early}
    later = {one.id for one in inner.later_incidents} | set(linked) | set(together)
    asked = [told[key] for key in relevant if key in later and key in told]
    return Lessons(
        history=list(history.values()),
        asked=sorted(asked, key=lambda one: (one.opened_at, one.id)),
        relevant=relevant,
        timeless=frozenset(together),
    )


def merges(merged: Iterable[Incident], whole: Mapping[str, Incident]) -> dict[str, Incident]:
    """The merged incidents whose whole was ended with a fix, by id, with that fix as theirs."""
    ends = _ends_of(merged)
    return {
        one.id: replace(one, resolution=whole[ends[one.id]].resolution) for one in merged if ends.get(one.id) in whole
    }


def duplicates(incidents: Sequence[Incident]) -> dict[str, set[str]]:
    """Which others an incident is called a duplicate of, in its resolution or a field, or shares a problem record with.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from engine.domain import Resolution
    >>> at = datetime(2026, 1, 1, tzinfo=UTC)
    >>> one, other = Incident(id="INC-1", opened_at=at), Incident(
    ...     id="INC-2", opened_at=at, resolution=Resolution(text="Duplicate of INC-1."))
    >>> duplicates([one, other])
    {'INC-2': {'INC-1'}}
    """
    known = {one.id for one in incidents}
    found: dict[str, set[str]] = defaultdict(set)
    holders: dict[str, list[str]] = defaultdict(list)
    for one in incidents:
        for name, value in one.fields.items():
            plain = re.sub(r"[^a-z]+", "_", name.casefold()).strip("_")
            if plain in _NAMES_ONE:
                found[one.id] |= known & set(_ID.findall(value))
            elif plain in _SHARED and value:
                holders[value].append(one.id)
        said = " ".join(_DUPLICATE.findall(one.resolution.text if one.resolution else ""))
        found[one.id] |= known & set(_ID.findall(said))
    for group in holders.values():
        for key in group if len(group) <= _MANY else ():
            found[key] |= set(group)
    return {key: same - {key} for key, same in found.items() if same - {key}}


def timed(judged: Sequence[Judged], asked: Sequence[Incident], timeless: frozenset[str]) -> list[Judged]:
    """The same with the columns of time silent for the questions in `timeless`; both run side by side."""
    return [_silent(group) if one.id in timeless else group for group, one in zip(judged, asked, strict=True)]


def _silent(group: Judged) -> Judged:
    columns, without = group.columns.copy(), None if group.without is None else group.without.copy()
    for values in (columns, without):
        if values is not None:
            values[:, np.array(_TIMES)] = 0
    return replace(group, columns=columns, without=without)


def _ends_of(merged: Iterable[Incident]) -> dict[str, str]:
    """Where each merged incident went in the end, as others may have been merged on."""
    into = {one.id: one.merged_into for one in merged if one.merged_into}
    ends = {}
    for key, last in into.items():
        seen = {key}
        while last in into and last not in seen:
            seen.add(last)
            last = into[last]
        ends[key] = last
    return ends


def _in_time(pairs: Mapping[str, set[str]], told: Mapping[str, Incident]) -> dict[str, set[str]]:
    """Each pair as the later one's question for the earlier one."""
    found: dict[str, set[str]] = defaultdict(set)
    for key, same in pairs.items():
        for other in same:
            if key in told and other in told:
                first, second = sorted((key, other), key=lambda name: (told[name].opened_at, name))
                if told[first].opened_at < told[second].opened_at:
                    found[second].add(first)
    return dict(found)
