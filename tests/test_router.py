"""Who should take an incident: learning, ranking, availability after the score, abstention, no peeking."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from engine.domain import Incident, ModelPart, Resolution, Responder, Routing, Rung, Suggestion, TimeOff, Work
from engine.route import Roster, Router, signals
from training import route

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)  # a Wednesday
OWNER = {"db": "ann", "web": "bob", "net": "cat", "mail": "dan"}
ABOUT = {
    "db": "deadlock on table",
    "web": "http gateway timeout",
    "net": "packet loss link",
    "mail": "queue of letters",
}


def past(number: int, service: str, who: str, *, days_ago: float = 10.0, fielded: bool = True) -> Incident:
    known = NOON - timedelta(days=days_ago)
    return Incident(
        id=f"p{number}",
        opened_at=known - timedelta(hours=2),
        closed_at=known,
        title=f"{ABOUT[service]} {number}",
        service=service if fielded else "",
        resolution=Resolution(text="restarted", resolver=who, team=f"{service}-team"),
    )


def history(size: int = 200, *, fielded: bool = True) -> list[Incident]:
    draw = Random(3)
    found = []
    for number in range(size):
        service = draw.choice(list(OWNER))
        who = OWNER[service] if draw.random() < 0.9 else draw.choice(list(OWNER.values()))
        found.append(past(number, service, who, days_ago=(size - number) / 4, fielded=fielded))
    return found


def question(about: str = "db", **changes: object) -> Incident:
    return replace(Incident(id="q", opened_at=NOON, title=f"{ABOUT[about]} again", service=about), **changes)


def first(routing: Routing) -> str:
    return routing.candidates[0].responder


@pytest.fixture(scope="module")
def fitted() -> Router:
    return Router().fit(history())


@pytest.mark.parametrize("service", list(OWNER))
def test_the_one_who_resolved_such_before_comes_first(fitted: Router, service: str) -> None:
    assert first(fitted.predict_one(question(service))) == OWNER[service]


def test_text_alone_and_fields_alone_are_enough() -> None:
    by_text = Router().fit(history(fielded=False))
    assert first(by_text.predict_one(question("net", service=""))) == "cat"
    by_field = Router().fit([replace(incident, title="") for incident in history()])
    assert first(by_field.predict_one(question("net", title=""))) == "cat"


def test_teams_are_routed_to_by_the_same_means() -> None:
    routing = Router(target="team").fit(history()).predict_one(question("web"))
    assert first(routing) == "web-team"
    assert routing.queue == "web-team"


def test_probabilities_lie_between_zero_and_one_and_fall(fitted: Router) -> None:
    chances = [candidate.probability for candidate in fitted.predict_one(question()).candidates]
    assert chances == sorted(chances, reverse=True)
    assert min(chances) >= 0.0 and sum(chances) <= 1.0 + 1e-9


def test_a_clear_case_is_automatic_and_an_unclear_one_is_not(fitted: Router) -> None:
    sure = Router().fit([replace(i, resolution=Resolution(resolver=OWNER[i.service])) for i in history(400)])
    assert sure.predict_one(question()).automatic
    assert not fitted.predict_one(question("db", title="something odd", service="")).automatic
    assert fitted.predict_one(question()).queue == "db-team"


def test_the_question_shows_nothing_of_its_own_outcome(fitted: Router) -> None:
    plain = fitted.predict_one(question())
    for who in ("bob", "cat"):
        told = question(
            closed_at=NOON + timedelta(days=1), resolution=Resolution(text="x", resolver=who, team="net-team")
        )
        assert fitted.predict_one(told) == plain


def test_answering_changes_nothing(fitted: Router) -> None:
    before = copy.deepcopy(fitted.to_part())
    fitted.predict_one(question(), roster=Roster([Responder(id="new")], {"ann": Work(open=3)}))
    after = fitted.to_part()
    assert after.data == before.data
    assert all((after.arrays[name] == before.arrays[name]).all() for name in before.arrays)


def test_what_is_learned_counts_at_once(fitted: Router) -> None:
    router = Router.from_part(fitted.to_part())
    assert all(candidate.responder != "eve" for candidate in router.predict_one(question()).candidates)
    for number in range(6):
        router.learn_one(past(900 + number, "db", "eve", days_ago=0.5))
    ranked = [candidate.responder for candidate in router.predict_one(question()).candidates]
    assert "eve" in ranked[:2]


def test_before_a_fit_one_resolution_is_enough() -> None:
    router = Router()
    router.learn_one(past(1, "db", "ann"))
    router.learn_one(past(2, "web", "bob"))
    routing = router.predict_one(question("web"))
    assert first(routing) == "bob"
    assert not routing.automatic


@pytest.mark.parametrize("size", [1, 5, 20, 59, 60, 61, 90])
def test_any_length_of_history_is_enough(size: int) -> None:
    router = Router().fit(history(size))
    assert router.predict_one(question()).candidates
    assert Router.from_part(router.to_part()).predict_one(question()) == router.predict_one(question())


def test_histories_without_times_are_learned_in_their_order() -> None:
    told = [replace(one, opened_at=NOON, closed_at=None) for one in history(200)]
    assert first(Router().fit(told).predict_one(question("web", opened_at=NOON + timedelta(hours=1)))) == "bob"


def test_before_any_learning_the_roster_is_offered_on_call_first() -> None:
    staff = [Responder(id="ann"), Responder(id="bob", on_call=True)]
    routing = Router(queue="desk").predict_one(question(), roster=Roster(staff))
    assert [candidate.responder for candidate in routing.candidates] == ["bob", "ann"]
    assert (routing.rung, routing.queue, routing.automatic) == (Rung.RULES, "desk", False)
    assert Router().predict_one(question()).candidates == ()


def test_a_newcomer_with_the_skill_stands_before_one_without(fitted: Router) -> None:
    staff = [Responder(id="zoe"), Responder(id="yan", skills=("db",))]
    ranked = [candidate.responder for candidate in fitted.predict_one(question(), roster=Roster(staff)).candidates]
    assert ranked.index("yan") < ranked.index("zoe")


def test_availability_reorders_and_never_changes_a_probability(fitted: Router) -> None:
    staff = [Responder(id=who) for who in OWNER.values()]
    before = {c.responder: c.probability for c in fitted.predict_one(question(), roster=Roster(staff)).candidates}
    away = TimeOff(starts_at=NOON - timedelta(days=1), ends_at=NOON + timedelta(days=1))
    routing = fitted.predict_one(question(), roster=Roster([replace(staff[0], time_off=(away,)), *staff[1:]]))
    assert first(routing) != "ann"
    assert {c.responder: c.probability for c in routing.candidates} == before
    passed_over = next(c for c in routing.candidates if c.responder == "ann")
    assert not passed_over.available and passed_over.because[-1].signal == "time off"
    assert not routing.automatic


def test_who_left_is_not_offered_before_the_roster(fitted: Router) -> None:
    routing = fitted.predict_one(question(), roster=Roster([Responder(id="bob"), Responder(id="cat")]))
    assert not next(c for c in routing.candidates if c.responder == "ann").available
    assert first(routing) in {"bob", "cat"}


def test_every_candidate_says_why(fitted: Router) -> None:
    best = fitted.predict_one(question()).candidates[0]
    assert all(reason.signal for reason in best.because)
    assert any("service db" in reason.detail or "most similar" in reason.detail for reason in best.because)


def test_suggested_past_fixes_count() -> None:
    router = Router()
    router.learn_one(past(1, "db", "ann"))
    router.learn_one(past(2, "web", "bob"))
    plain = {c.responder: c.probability for c in router.predict_one(question("db")).candidates}
    similar = [Suggestion(incident=past(2, "web", "bob"), score=0.9, age_days=1.0)]
    mixed = {c.responder: c.probability for c in router.predict_one(question("db"), similar=similar).candidates}
    assert mixed["bob"] > plain["bob"]


def test_a_router_survives_saving(fitted: Router) -> None:
    part = fitted.to_part()
    stored = ModelPart(arrays=part.arrays, data=json.loads(json.dumps(dict(part.data), allow_nan=False)))
    again = Router.from_part(stored)
    assert again.predict_one(question("mail")) == fitted.predict_one(question("mail"))


def test_an_expert_who_left_makes_way() -> None:
    old = [past(number, "db", "ann", days_ago=300 - number / 2) for number in range(200)]
    new = [past(300 + number, "db", "eve", days_ago=60 - number / 2) for number in range(100)]
    others = [past(500 + number, "web", "bob", days_ago=300 - number) for number in range(290)]
    assert first(Router().fit([*old, *new, *others]).predict_one(question())) == "eve"


def ranked(rows: Sequence[route.RouteRow]) -> list[tuple[str, str]]:
    return [(row.query_id, row.responder) for row in rows if row.rank == 1]


def test_batch_knows_only_what_was_known_before_the_query() -> None:
    late = past(1, "db", "eve", days_ago=-5)
    asked = [question(id="a"), question(id="b", opened_at=NOON + timedelta(days=6))]
    rows = route.rank([past(2, "db", "ann"), late], asked, target="resolver")
    assert {row.responder for row in rows if row.query_id == "a"} == {"ann"}
    assert {row.responder for row in rows if row.query_id == "b"} == {"ann", "eve"}


def test_batch_never_reads_the_outcome_of_a_query() -> None:
    asked = [question(service, id=service) for service in OWNER]
    wrong = [replace(q, resolution=Resolution(resolver="dan"), closed_at=NOON + timedelta(days=1)) for q in asked]
    rows = route.rank(history(), asked, target="resolver")
    assert rows == route.rank(history(), wrong, target="resolver")
    assert ranked(rows) == [(service, OWNER[service]) for service in OWNER]


def test_a_column_written_after_the_fact_does_not_hurt() -> None:
    told = [replace(i, fields={"closed_by_group": i.resolution.resolver}) for i in history() if i.resolution]
    asked = [question(service, id=service, fields={"site": "ams"}) for service in OWNER]
    assert ranked(route.rank(told, asked, target="resolver")) == [(service, OWNER[service]) for service in OWNER]


def test_batch_without_history_or_queries() -> None:
    assert route.rank([], [question()], target="resolver") == []
    assert route.rank(history(10), [], target="team") == []


def test_of_what_is_told_several_times_only_the_last_outcome_counts() -> None:
    log = [replace(one, id=str(number % 40)) for number, one in enumerate(history(400))]
    router = Router().fit(log)
    assert len(router.expertise.memory_) == 40
    assert not router.predict_one(question()).automatic
    assert first(router.predict_one(question("web"))) == first(Router().fit(log[-40:]).predict_one(question("web")))


def test_who_ends_what_others_left_open_is_not_taken_for_who_ends_what_is_new() -> None:
    """Where nothing else arrives, the last old incidents are all ended by one who tidies up: that is no news."""
    told, days = history(), [timedelta(days=number / 4) for number in range(40)]
    tidied = [replace(past(1000 + n, "db", "eve", days_ago=90), closed_at=NOON + day) for n, day in enumerate(days)]
    asked = [question("db", id=f"q{n}", opened_at=NOON + day) for n, day in enumerate(days)]
    rows = route.rank([*told, *tidied], asked, target="resolver", top=1)
    assert {row.responder for row in rows} == {OWNER["db"]}
    arriving = [past(2000 + n, "db", "eve", days_ago=-n / 4) for n in range(70)]
    last = question("db", id="last", opened_at=NOON + timedelta(days=18))
    rows = route.rank([*told, *arriving], [*asked, last], target="resolver", top=1)
    assert rows[-1].responder == "eve"


def test_one_old_incident_that_a_stranger_ended_late_does_not_make_them_likely() -> None:
    told, apart = history(), timedelta(minutes=30)
    late = replace(past(1000, "db", "eve", days_ago=200), closed_at=NOON + apart)
    asked = [question("db", id=f"q{n}", opened_at=NOON + n * 2 * apart) for n in range(2)]
    rows = route.rank([*told, late], asked, target="resolver")
    assert ranked(rows) == [("q0", OWNER["db"]), ("q1", OWNER["db"])]
    chances = [row.probability for row in rows if row.rank == 1]
    assert chances[1] > chances[0] - 0.02
    assert 0 < sum(row.probability for row in rows if row.responder == "eve") < 0.02


def test_what_is_like_a_strangers_one_incident_speaks_for_them_once() -> None:
    """The linear models never saw them: these say of them what their share of everything is, not of what is similar."""
    router = Router().fit(history())
    router.learn_one(past(1000, "db", "eve", days_ago=0.1))
    table = router.expertise.opinions(question("db")).table
    eve = table[router.expertise.memory_.number_of("eve")]
    assert eve[signals.FIXED.index("similar fields, short")] > 1.0
    for place in (signals.LINEAR, signals.MARGIN, signals.PLAIN):
        assert eve[place] == pytest.approx(eve[signals.SHARE])


@pytest.mark.parametrize("online", [True, False])
def test_stragglers_of_a_history_that_has_ended_do_not_say_how_sure_to_be(online: bool) -> None:
    """What is closed long after the last of the others was often misrouted: it is learned, but is no fair sample."""
    router = Router(online=online).fit(history())
    before = router.expertise.stacker_.sureness_
    for number in range(100):
        router.learn_one(past(1000 + number, "db", "bob", days_ago=0.1))
    assert (router.expertise.stacker_.sureness_ != before) == online
    assert len(router.expertise.memory_) == 300
