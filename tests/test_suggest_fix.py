"""Resolutions of matches become fixes: grouped, with steps, commands, people, times and how often they helped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from engine.domain import FixKind, Incident, Resolution, Suggestion
from engine.suggest.entities import commands, is_command
from engine.suggest.fix import alike, came_back, fixes_of
from engine.suggest.resolutions import kind_of, steps

AT = datetime(2026, 3, 1, tzinfo=UTC)
POOL = "Raised max_connections to 300 on orders-db and restarted pgbouncer"


def match(
    name: str, text: str, score: float = 0.9, *, day: float = 0, minutes: float = 30, resolver: str = "dana"
) -> Suggestion:
    opened = AT - timedelta(days=100 - day)
    past = Incident(
        id=name,
        opened_at=opened,
        closed_at=opened + timedelta(minutes=minutes),
        service="orders-db",
        resolution=Resolution(text=text, resolver=resolver),
    )
    return Suggestion(incident=past, score=score, age_days=(AT - past.known_from).total_seconds() / 86_400)


def test_one_fix_told_twice_is_one_fix() -> None:
    told = [
        match("a", POOL, day=0, minutes=20),
        match(
            "b", "restarted pgbouncer, raised max_connections on orders-db to 500", day=10, minutes=40, resolver="kim"
        ),
        match("c", "Renewed the certificate with certbot", 0.3, day=20),
    ]
    first, second = fixes_of(told, AT)
    assert first.incident_ids == ("a", "b")
    assert first.text == POOL
    assert first.resolvers == ("kim", "dana")
    assert (first.minutes, first.used, first.helped) == (30, 2, 2)
    assert first.last_at == told[1].incident.closed_at
    assert second.incident_ids == ("c",)
    assert 0 < second.score < first.score < 1


def test_resolutions_that_say_nothing_are_no_fix() -> None:
    told = [
        match(str(number), text) for number, text in enumerate(("Closed.", "Cannot reproduce", "", "No fault found."))
    ]
    assert fixes_of(told, AT) == ()


def test_a_fix_after_which_the_problem_came_back_is_worth_less() -> None:
    again = [
        match("a", POOL, day=0),
        match("b", "Replaced the network card of the host", day=1),
        match("c", "x", day=90),
    ]
    apart = [
        match("a", POOL, day=0),
        match("b", "Replaced the network card of the host", day=30),
        match("c", "x", day=90),
    ]
    assert came_back(again[0].incident, again)
    assert not came_back(again[1].incident, again)
    worn = {fix.incident_ids[0]: fix for fix in fixes_of(again, AT)}["a"]
    kept = {fix.incident_ids[0]: fix for fix in fixes_of(apart, AT)}["a"]
    assert (worn.used, worn.helped) == (1, 0)
    assert worn.score < kept.score


def test_what_people_say_of_a_fix_counts() -> None:
    told = [match("a", POOL)]
    plain = fixes_of(told, AT)[0]
    praised, blamed = fixes_of(told, AT, {"a": [True, True]})[0], fixes_of(told, AT, {"a": [False, False]})[0]
    assert (praised.used, praised.helped) == (3, 3)
    assert (blamed.used, blamed.helped) == (3, 1)
    assert blamed.score < plain.score < praised.score


def test_old_fixes_are_worth_less_but_never_nothing() -> None:
    new, old, ancient = (fixes_of([match("a", POOL, day=day)], AT)[0].score for day in (99, -1_000, -9_000))
    assert ancient < old < new
    assert ancient > 0.1


def test_steps_and_commands_stand_as_written() -> None:
    text = "1. Drained the node\n2. `kubectl rollout restart deploy/web`. Waited 5 min.\n$ systemctl status nginx"
    fix = fixes_of([match("a", text)], AT)[0]
    assert fix.steps[0] == "Drained the node"
    assert fix.commands == ("kubectl rollout restart deploy/web", "systemctl status nginx")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Workaround: disabled the cache", FixKind.WORKAROUND),
        ("Restarted the pods. Root cause still open.", FixKind.WORKAROUND),
        ("Upgraded to 2.3 which fixes the leak", FixKind.PERMANENT),
        ("Permanently fixed by adding an index", FixKind.PERMANENT),
        ("Restarted and raised the heap to 4g", FixKind.PERMANENT),
        ("Failed over to the replica", FixKind.WORKAROUND),
        ("Spoke to the vendor", FixKind.UNCLEAR),
        ("", FixKind.UNCLEAR),
    ],
)
def test_workarounds_and_permanent_fixes_are_told_apart(text: str, kind: FixKind) -> None:
    assert kind_of(text) is kind


@pytest.mark.parametrize(
    "line",
    ["systemctl restart nginx", "ALTER TABLE orders ADD INDEX (id);", "rm -rf /var/tmp/x", "redis-cli FLUSHALL -n 2"],
)
def test_commands_are_known(line: str) -> None:
    assert is_command(line)


@pytest.mark.parametrize(
    "line", ["", "service was slow", "top of the list", "find out why", "nginx", "update the docs"]
)
def test_sentences_are_no_commands(line: str) -> None:
    assert not is_command(line)


def test_a_command_stands_once_and_without_its_prompt() -> None:
    assert commands("$ df -h\nroot@db-01:~$ df -h\n- sudo lvextend -L +5G /dev/vg/data") == (
        ["df -h", "sudo lvextend -L +5G /dev/vg/data"]
    )


@pytest.mark.parametrize("text", ["", "\x00", "a" * 1_000_000, "- " * 50_000, "`" * 9_999, "1. 2. 3."])
def test_ugly_resolutions_are_read(text: str) -> None:
    assert all(len(step) <= 400 for step in steps(text))
    commands(text)
    kind_of(text)


def test_alike_needs_words() -> None:
    assert not alike(frozenset(), frozenset())
    assert alike(frozenset("abcd"), frozenset("abcdefghij"))
    assert not alike(frozenset("abc"), frozenset("abcdefghij"))
