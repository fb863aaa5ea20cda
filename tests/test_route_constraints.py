"""Who can be asked: skill, absence, load, fatigue, fairness, urgency; and many incidents given out together."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain import Decision, Incident, Resolution, Responder, TimeOff, Work
from engine.errors import InvalidInput
from engine.route import Policy, Requirement, Roster, Router
from engine.route.assignment import _PLACE_COST, QUEUE_COST, Offer, assign
from engine.route.ical import read_time_off
from engine.route.ownership import Ownership, as_incidents, read_owners, renamed
from engine.route.people import read_people
from engine.route.ranking import line_up
from engine.route.rota import Rota, on_duty
from engine.route.watch import Watch
from tests.naive import route as naive

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)  # a Wednesday
PEOPLE = [Responder(id="ann", skills=("Postgres",), team="db"), Responder(id="bob", team="db", on_call=True)]


def incident(key: str = "q", about: str = "db", **changes: object) -> Incident:
    return replace(Incident(id=key, opened_at=NOON, title=f"{about} is down", service=about), **changes)


@pytest.fixture(scope="module")
def router() -> Router:
    """Ann ends four of five database incidents, bob the rest; cat those of the web."""
    past = []
    for number in range(200):
        about, who = ("db", "ann" if number % 5 else "bob") if number % 2 else ("web", "cat")
        known = NOON - timedelta(days=(200 - number) / 4)
        fix = Resolution(resolver=who)
        past.append(incident(str(number), about, opened_at=known - timedelta(hours=1), closed_at=known, resolution=fix))
    return Router().fit(past)


def first(router: Router, roster: Roster, **changes: object) -> str:
    return router.predict_one(incident(**changes), roster=roster).candidates[0].responder


def reasons(router: Router, roster: Roster, **changes: object) -> dict[str, set[str]]:
    found = router.predict_one(incident(**changes), roster=roster).passed_over
    return {one.responder: {reason.signal for reason in one.because} for one in found}


def test_the_expert_comes_first_where_nothing_stands_against_it(router: Router) -> None:
    assert first(router, Roster(PEOPLE)) == "ann"


@pytest.mark.parametrize(
    ("work", "signal"),
    [(Work(open=5), "fully loaded"), (Work(pages_day=8), "fatigue"), (Work(pages_week=30), "fatigue")],
)
def test_too_much_passes_an_expert_over_and_says_so(router: Router, work: Work, signal: str) -> None:
    roster = Roster(PEOPLE, {"ann": work})
    assert first(router, roster) == "bob"
    assert signal in reasons(router, roster)["ann"]
    assert first(router, roster, priority="P1") == "ann"  # nothing but absence and skill counts then


@settings(max_examples=60, deadline=None)
@given(
    chances=st.lists(st.integers(0, 8), min_size=1, max_size=9),
    held=st.lists(st.integers(0, 6), min_size=9, max_size=9),
    called=st.sets(st.integers(0, 8)),
    asleep=st.sets(st.integers(0, 8)),
    top=st.integers(1, 4),
)
def test_who_is_not_looked_up_could_not_have_come_first(
    chances: list[int], held: list[int], called: set[int], asleep: set[int], top: int
) -> None:
    """The short line begins as the line of everybody does, with the same people to fall back on."""
    staff = [
        Responder(
            id=f"p{n}", on_call=n in called, team="ab"[n % 2], timezone="Asia/Tokyo" if n in asleep else "Europe/Berlin"
        )
        for n in range(len(chances))
    ]
    roster = Roster(staff, {one.id: Work(open=held[n]) for n, one in enumerate(staff)})
    told = {one.id: chances[n] / 40 for n, one in enumerate(staff)}
    short = line_up(incident(), told, roster, people=True, top=top)
    every = line_up(incident(), told, roster, people=True)
    assert short.candidates[:top] == every.candidates[:top]
    assert short.fallback == every.fallback
    assert short.passed_over == every.passed_over
    sight = roster.sight(incident())
    assert [sight.can_be_asked(one) for one in staff] == [
        roster.standing(one, incident()).can_be_asked for one in staff
    ]


def test_absence_counts_whatever_the_urgency_and_the_on_call_stands_behind(router: Router) -> None:
    away = replace(PEOPLE[0], time_off=(TimeOff(starts_at=NOON - timedelta(1), ends_at=NOON + timedelta(1)),))
    roster = Roster([away, PEOPLE[1]])
    assert first(router, roster, priority="P1") == "bob"
    assert "time off" in reasons(router, roster, priority="P1")["ann"]
    routing = router.predict_one(incident(priority="P1"), roster=Roster(PEOPLE))
    assert [one.responder for one in routing.fallback] == ["bob"]
    assert all(one.because for one in (*routing.candidates[:3], *routing.fallback))


def test_a_required_skill_keeps_others_away(router: Router) -> None:
    policy = Policy(required=(Requirement(field="service", value="DB", skill="postgres"),))
    people = [replace(PEOPLE[0], skills=()), replace(PEOPLE[1], skills=("POSTGRES",))]
    assert first(router, Roster(people, {}, policy), priority="P1") == "bob"
    assert first(router, Roster(people, {}, policy), priority="P1", service="web", title="db is down") == "ann"


def test_more_than_a_fair_share_passes_over(router: Router) -> None:
    team = [*PEOPLE, Responder(id="dan", team="db")]
    work = {"ann": Work(pages_week=12), "bob": Work(pages_week=2), "dan": Work(pages_week=2)}
    assert "fair share" in reasons(router, Roster(team, work))["ann"]
    assert first(router, Roster(team, work, Policy(fair_share=1.0))) == "ann"


def test_load_costs_more_where_it_is_less_urgent(router: Router) -> None:
    even = Policy(load_cost=(0.0, 0.0, 5.0, 5.0))
    roster = Roster(PEOPLE, {"ann": Work(open=4)}, even)
    assert first(router, roster, priority="P2") == "ann"
    assert first(router, roster, priority="P4") == "bob"


def test_load_says_who_is_asked_first_and_not_who_stands_behind(router: Router) -> None:
    even = Policy(load_cost=(0.0, 0.0, 20.0, 20.0))
    team = [*PEOPLE, Responder(id="cat")]
    named = router.predict_one(incident(), roster=Roster(team, {"ann": Work(open=4), "bob": Work(open=1)}, even))
    assert [one.responder for one in named.candidates] == ["cat", "ann", "bob"]
    calm = router.predict_one(incident(), roster=Roster(team))
    assert [one.responder for one in calm.candidates] == ["ann", "bob", "cat"]


def test_who_left_is_never_asked_nor_called(router: Router) -> None:
    gone = [replace(PEOPLE[0], left=True, on_call=True), PEOPLE[1]]
    routing = router.predict_one(incident(), roster=Roster(gone))
    assert routing.candidates[0].responder == "bob"
    assert [one.responder for one in routing.fallback] == ["bob"]


def test_a_choice_that_looks_wrong_is_told_with_how_sure(router: Router) -> None:
    wrong = router.predict_one(incident(), roster=Roster(PEOPLE), chosen="cat").review
    fine = router.predict_one(incident(), roster=Roster(PEOPLE), chosen="ann").review
    assert wrong is not None and fine is not None
    assert (wrong.looks_wrong, wrong.better) == (True, "ann")
    assert wrong.sure > 0.9 > fine.sure
    assert not fine.looks_wrong


def test_nobody_known_means_the_on_call() -> None:
    routing = Router().predict_one(incident(), roster=Roster(PEOPLE))
    assert routing.decision is Decision.ON_CALL
    assert [one.responder for one in routing.fallback] == ["bob"]


def test_many_at_once_are_shared_out_and_not_piled_up(router: Router) -> None:
    storm = [incident(f"s{number}") for number in range(4)]
    roster = Roster([replace(one, max_open=2) for one in PEOPLE])
    given = router.assign(storm, roster)
    assert sorted(given.values()) == ["ann", "ann", "bob", "bob"]
    more = router.assign([*storm, incident("s5")], roster)
    assert list(more.values()).count("") == 1
    urgent = router.assign(
        [incident("low", priority="P4"), incident("top", priority="P1")],
        Roster([replace(one, max_open=1) for one in PEOPLE]),
    )
    assert urgent["top"] == "ann"


@settings(max_examples=60, deadline=None)
@given(
    costs=st.lists(st.dictionaries(st.sampled_from("abc"), st.floats(0, 9), max_size=3), min_size=1, max_size=4),
    free=st.dictionaries(st.sampled_from("abc"), st.integers(0, 2)),
)
def test_the_assignment_is_the_cheapest_of_all(costs: list[dict[str, float]], free: dict[str, int]) -> None:
    told = {str(place): one for place, one in enumerate(costs)}
    given = assign([Offer(incident_id=key, costs=one) for key, one in told.items()], free)
    turns: dict[str, int] = {}
    total = 0.0
    for key, who in given.items():
        total += told[key][who] + _PLACE_COST * turns.get(who, 0) if who else QUEUE_COST
        turns[who] = turns.get(who, 0) + 1
    assert all(turns[who] <= free.get(who, 0) for who in turns if who)
    assert total == pytest.approx(naive.assign(told, free, QUEUE_COST, _PLACE_COST))


def test_rota_changes_hands_by_the_wall_clock_across_the_change_of_clocks() -> None:
    rota = Rota(
        id="r", members=("ann", "bob"), starts_at=datetime(2026, 3, 23, 8, tzinfo=UTC), timezone="Europe/Amsterdam"
    )  # Mondays 09:00 in Amsterdam; clocks change on the 29th
    assert rota.turns(datetime(2026, 3, 30, 6, 59, tzinfo=UTC))[0] == "ann"
    assert rota.turns(datetime(2026, 3, 30, 7, 1, tzinfo=UTC))[0] == "bob"
    assert rota.turns(datetime(2026, 3, 1, tzinfo=UTC)) == ()
    assert Rota.from_data(rota.to_data()) == rota


def test_the_next_in_line_stands_in_for_who_is_away() -> None:
    rota = Rota(id="r", members=("ann", "bob"), starts_at=NOON - timedelta(days=1))
    away = replace(PEOPLE[0], time_off=(TimeOff(starts_at=NOON, ends_at=NOON + timedelta(1)),))
    people = [away, replace(PEOPLE[1], on_call=False)]
    assert [one.id for one in on_duty(people, [rota], NOON) if one.on_call] == ["bob"]
    assert [one.id for one in on_duty(people, [rota], NOON - timedelta(hours=1)) if one.on_call] == ["ann"]


CALENDAR = """BEGIN:VCALENDAR
BEGIN:VEVENT
DTSTART;VALUE=DATE:20260706
DTEND;VALUE=DATE:20260711
SUMMARY:Holi
 day
BEGIN:VALARM
TRIGGER:-PT15M
DURATION:PT1H
END:VALARM
END:VEVENT
BEGIN:VEVENT
DTSTART;TZID=America/New_York:20260703T090000
DURATION:PT2H
RRULE:FREQ=WEEKLY;COUNT=3;BYDAY=FR
EXDATE;TZID=America/New_York:20260710T090000
END:VEVENT
BEGIN:VEVENT
DTSTART:20260801T100000Z
DTEND:20260801T110000Z
TRANSP:TRANSPARENT
END:VEVENT
END:VCALENDAR
"""


def test_a_calendar_is_read_in_its_zones() -> None:
    found = read_time_off(CALENDAR.replace("\n", "\r\n"), "Europe/Amsterdam")
    assert [(off.starts_at.isoformat(), off.ends_at.isoformat()) for off in found] == [
        ("2026-07-03T13:00:00+00:00", "2026-07-03T15:00:00+00:00"),
        ("2026-07-05T22:00:00+00:00", "2026-07-10T22:00:00+00:00"),
        ("2026-07-17T13:00:00+00:00", "2026-07-17T15:00:00+00:00"),
    ]
    with pytest.raises(InvalidInput):
        read_time_off("hello", "UTC")


def test_a_file_of_people_is_read_and_bad_rows_are_named() -> None:
    text = (
        "Email,Team,Skills,Time Zone,workdays,work_starts,time_off\n"
        "ann,db,postgres; linux,Europe/Amsterdam,mon-thu,08:30,2026-07-01T00:00Z/2026-07-08T00:00Z\n"
        "bob,db,,Mars/Base,,,\n,db,,,,,\n"
    )
    people, problems = read_people(text)
    assert [one.id for one in people] == ["ann"]
    assert (people[0].skills, people[0].workdays, people[0].work_starts) == (
        ("postgres", "linux"), (0, 1, 2, 3), time(8, 30)
    )  # fmt: skip
    assert len(people[0].time_off) == 1
    assert len(problems) == 2 and "line 3" in problems[0]
    with pytest.raises(InvalidInput):
        read_people("name\nann\n")


def test_owners_are_asked_before_anything_was_resolved() -> None:
    owned = [
        *read_owners("/services/orders/ @ann\n"),
        Ownership(about="mail", owners=("team:post",), text="smtp queue"),
    ]
    staff = [Responder(id="ann"), Responder(id="bob", team="post"), Responder(id="cat", team="web")]
    router = Router().catch_up(as_incidents(owned, staff, NOON - timedelta(days=1)))
    assert first(router, Roster(staff), service="orders", title="orders is slow") == "ann"
    assert first(router, Roster(staff), service="", title="the smtp queue grows") == "bob"


def test_a_reorganisation_is_told_in_the_new_names() -> None:
    past = incident(resolution=Resolution(resolver="ann", team="old", involved=("bob",)))
    fix = renamed(past, {"old": "new", "bob": "rob"}).resolution
    assert fix == Resolution(resolver="ann", team="new", involved=("rob",))


def test_what_was_learned_under_an_old_name_is_replaced() -> None:
    known = NOON - timedelta(days=1)
    past = [incident(str(n), closed_at=known, opened_at=known, resolution=Resolution(resolver="ann")) for n in range(5)]
    router = Router().catch_up(past)
    router.catch_up([renamed(one, {"ann": "eve"}) for one in past])
    chances = {one.responder: one.probability for one in router.predict_one(incident()).candidates}
    assert chances["eve"] > 5 * chances["ann"]


def test_a_fall_is_seen_and_chance_is_not() -> None:
    def lived(near: list[bool]) -> Watch:
        watch = Watch()
        for place, hit in enumerate(near):
            at = NOON + timedelta(days=place / 2)
            watch = watch.judged([("ann", 0.8), ("bob", 0.2)], "ann" if hit else "zoe", at)
        return watch

    steady, fallen = lived([n % 4 > 0 for n in range(200)]), lived([n % 4 > 0 for n in range(160)] + [False] * 40)
    assert not steady.has_fallen
    assert fallen.has_fallen
    assert Watch.from_data(fallen.to_data()) == fallen
    assert steady.weeks[1].calibration_error < 0.15
    assert steady.weeks[1].busiest_tenth == 1.0


def test_a_policy_keeps_its_limits() -> None:
    policy = Policy(required=(Requirement(field="category", value="net", skill="bgp"),), most_pages_day=3)
    assert Policy.from_data(policy.to_data()) == policy
    with pytest.raises(InvalidInput):
        Policy(fair_share=0.0)
