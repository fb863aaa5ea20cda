"""Why an alert is where it is, in a sentence; and the same through the API and the console."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from api.app import create_app
from engine.correlate import Correlator
from engine.domain import Evidence, Match, Membership
from engine.lifecycle.explanation import explain
from engine.pathfinder import Pathfinder
from engine.ports import Models
from engine.settings import Settings
from engine.store.records import Scope
from engine.store.store import Store
from tests.conftest import sqlite_url
from tests.small_models import NOON, ByService, LastResolver, SameTitle, alert, small_models

HOST = Evidence(signal="host", weight=1.9, detail="same host web-1")
HOPS = Evidence(signal="topology", weight=1.1, detail="1 hop upstream of orders-db")
TOGETHER = Evidence(signal="together", weight=2.3, detail="seen together in 14 of 17 past incidents")
GAP = Evidence(signal="gap", weight=0.8, detail="12 s after its nearest alert")
RATE = Evidence(signal="background", weight=-0.6, detail="about 0.4 incidents open per hour")
SEVERITY = Evidence(signal="severity", weight=-0.9, detail="other severity than the incident's")


def place(*evidence: Evidence, **changes: object) -> Membership:
    score = sum(one.weight for one in evidence)
    whole = Membership(alert=alert(), incident_id="INC-1", probability=0.9, score=score, evidence=evidence)
    return replace(whole, **changes)  # type: ignore[arg-type]


def test_the_strongest_reason_comes_first_and_what_spoke_against_it_is_told() -> None:
    assert explain(place(GAP, RATE, HOPS, TOGETHER, SEVERITY, HOST, runner_up="INC-7", margin=3.1)) == (
        "seen together in 14 of 17 past incidents; same host web-1; 1 hop upstream of orders-db; "
        "12 s after its nearest alert; against: other severity than the incident's, about 0.4 incidents open per hour; "
        "next best INC-7, 22 times less likely (3.1 in log-odds)"
    )


def test_an_alert_that_opened_its_incident_says_why_it_joined_none() -> None:
    far = Evidence(signal="gap", weight=-3.0, detail="40 min from its nearest alert")
    assert explain(place(GAP, far, runner_up="INC-7", margin=2.2)) == (
        "no open incident was close enough; 40 min from its nearest alert; all the same: 12 s after its nearest alert; "
        "nearest INC-7, 9.0 times less likely (2.2 in log-odds)"
    )


@pytest.mark.parametrize(
    ("membership", "words"),
    [
        (place(), "the first alert of its incident"),
        (place(Evidence(signal="background", weight=-20.0, detail="nothing comes near")), "nothing comes near"),
        (place(HOST, provisional=True), "same host web-1; provisional: later evidence may move it"),
        (place(HOST, pinned=True), "same host web-1; pinned by an operator"),
        (
            place(Evidence(signal="operator", weight=0.0, detail="ann put it here (from INC-2)"), pinned=True),
            "ann put it here (from INC-2)",
        ),
        (place(Evidence(signal="words", weight=0.01, detail="titles share a word")), "the first alert of its incident"),
        (place(HOST, replace(HOST, signal="things", weight=0.3)), "same host web-1"),
        (place(HOST, replace(HOST, signal="labels", weight=0.3, detail="")), "same host web-1"),
    ],
)
def test_what_is_sure_what_is_not_and_what_an_operator_said(membership: Membership, words: str) -> None:
    assert explain(membership) == words


WEIGHTS = st.floats(-30, 30)


@given(weights=st.lists(WEIGHTS, max_size=20), margin=st.floats(0, 800), runner_up=st.sampled_from([None, "INC-7"]))
def test_any_membership_has_a_sentence_that_changes_no_datum(
    weights: list[float], margin: float, runner_up: str | None
) -> None:
    evidence = tuple(Evidence(signal=f"s{n}", weight=w, detail=f"reason {n}") for n, w in enumerate(weights))
    membership = place(*evidence, margin=margin, runner_up=runner_up)
    said = explain(membership)
    assert said
    assert (runner_up is not None) == ("INC-7" in said)
    told = [n for n, w in enumerate(weights) if f"reason {n};" in f"{said};".replace(",", ";")]
    strongest = max(range(len(weights)), key=lambda n: abs(weights[n]), default=None)
    if strongest is not None and abs(weights[strongest]) >= 0.05:
        assert strongest in told


class Doubtful(ByService):
    """Not sure of anything."""

    def predict_one(self, alert: object) -> Match:
        match = super().predict_one(alert)  # type: ignore[arg-type]
        return replace(match, runner_up="INC-9", margin=0.4, provisional=match.incident_id is not None)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    store = Store(sqlite_url(tmp_path))
    engine = Pathfinder(store, replace(small_models(), correlator=Doubtful))
    engine.start()
    token = engine.issue_key("ann", frozenset([Scope.ADMIN]), NOON)[1]
    with TestClient(create_app(engine, Settings(encoder_enabled=False)), headers={"X-API-Key": token}) as client:
        client.cookies.set("pathfinder_key", token)
        yield client


def test_the_api_and_the_console_tell_why_and_how_sure(client: TestClient) -> None:
    for number, title in enumerate(("down", "slow")):
        begun = f"2026-03-02T12:00:0{number}Z"
        client.post("/v1/alerts", json={"title": title, "service": "db", "starts_at": begun})
    first, second = client.get("/v1/incidents/INC-1").json()["alerts"]
    assert (second["runner_up"], second["margin"], second["provisional"], second["pinned"]) == (
        "INC-9", 0.4, True, False
    )  # fmt: skip
    assert second["why"] == (
        "db; next best INC-9, 1.5 times less likely (0.4 in log-odds); provisional: later evidence may move it"
    )
    assert first["provisional"] is False
    page = client.get("/").text
    assert '<span class="mark">provisional</span>' in page
    assert second["why"] in page
    client.post(f"/v1/alerts/{second['alert']['id']}/pin", json={"reason": "<b>seen it</b>"})
    page = client.get("/").text
    assert '<span class="mark">pinned</span>' in page
    assert '<span class="mark">provisional</span>' not in page
    assert "pinned by ann" in page
    assert "<b>seen it</b>" not in page


def test_stored_contributions_sum_to_the_score_with_the_real_correlator(tmp_path: Path) -> None:
    models = Models(
        version="", correlator=lambda edges: Correlator(topology=edges), recommender=SameTitle(), router=LastResolver()
    )
    store = Store(sqlite_url(tmp_path))
    engine = Pathfinder(store, models)
    engine.start()
    for number in range(80):
        service = ("orders-db", "search", "mail", "web")[number * 7 % 4]
        engine.handle([alert(service, f"{service} check {number % 11} fails", at=9.0 * number, host=f"h-{number % 6}")])
    found = [member for incident in engine.incidents(limit=200) for member in engine.members(incident.id)]
    assert len(found) > 20
    for member in found:
        assert sum(reason.weight for reason in member.evidence) == pytest.approx(member.score, abs=1e-6)
        assert explain(member)
        assert member.margin >= 0.0
    store.close()
