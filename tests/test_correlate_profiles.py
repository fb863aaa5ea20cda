"""The counters against a scan: profiles, topology and co-occurrence equal their slow twins."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.correlate.background import Background, agreement
from engine.correlate.profile import Member, Profile
from engine.correlate.reading import read
from engine.correlate.together import Together
from engine.correlate.topology import REACH, Topology
from engine.domain import Alert, Edge
from tests.naive import correlate as naive

NAMES = ("a", "b", "c", "d", "e", "f")


def member(number: int, at: float, service: str) -> Member:
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=at)
    alert = Alert(
        id=str(number), source="s", title=f"trouble of {service}", starts_at=moment, received_at=moment,
        fingerprint=service, service=service, labels={"site": service[0]},
    )  # fmt: skip
    return Member(alert.id, at, service, read(alert), at)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50), st.sampled_from(NAMES)), min_size=2, max_size=20), st.randoms())
def test_a_profile_counts_what_a_scan_finds(rows: list[tuple[int, str]], chance: random.Random) -> None:
    profile = Profile("one")
    for number, (at, service) in enumerate(rows):
        profile.add(member(number, float(at), service))
    for number in chance.sample(range(len(rows)), len(rows) // 2):
        profile.remove(str(number))
    wanted = naive.counters(profile.members.values())
    assert profile.times == wanted["times"]
    assert profile.last == wanted["last"]
    assert profile.things == wanted["things"]
    assert profile.words == wanted["words"]
    assert {name: count for name, count in profile.among.items() if count} == wanted["among"]
    assert {name: counts for name, counts in profile.inside.items() if counts} == wanted["inside"]
    assert profile.gap(25.5) == naive.gap(profile.times, 25.5)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=10))
def test_hops_equal_a_search(pairs: list[tuple[str, str]]) -> None:
    edges = [Edge(source=a, target=b) for a, b in pairs if a != b]
    topology = Topology(edges)
    for start in topology.near:
        for end in NAMES:
            far = naive.hops(edges, start, end)
            near = topology.near[start].get(end)
            assert (near.hops if near else None) == (far if far is not None and far <= REACH else None)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True), min_size=1, max_size=12))
def test_lift_equals_counting_all_incidents(incidents: list[list[str]]) -> None:
    together = Together()
    for kinds in incidents:
        together.learn(kinds)
    for kind in {name for kinds in incidents for name in kinds}:
        for other in {name for kinds in incidents for name in kinds} - {kind}:
            assert together.lift(kind, {other: 1})[0] == pytest.approx(naive.lift(incidents, kind, other, 3.0))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True), min_size=1, max_size=12),
    st.lists(st.sampled_from(NAMES), min_size=1, unique=True),
)
def test_the_likeliest_company_is_the_largest_lift(incidents: list[list[str]], present: list[str]) -> None:
    together = Together()
    for kinds in incidents:
        together.learn(kinds)
    for kind in {name for kinds in incidents for name in kinds}:
        seen = [other for other in present if other != kind and any(other in kinds for kinds in incidents)]
        met = [other for other in seen if any(kind in kinds and other in kinds for kinds in incidents)]
        wanted = [naive.lift(incidents, kind, other, 3.0) for other in met or seen]
        nats, which = together.lift(kind, dict.fromkeys(present))
        assert nats == pytest.approx(max(wanted, default=0.0))
        assert (which in seen) if seen else (which == "")


def test_a_rare_shared_value_says_more_than_a_common_one() -> None:
    field = Background({}).known("host")
    for number in range(200):
        field.count("shared-gateway" if number % 2 else f"host-{number}")
    rare, common = (agreement(field.share(name), field.concentration, 1, 1) for name in ("host-7777", "shared-gateway"))
    assert rare > common + 1.0


def test_a_field_in_which_incidents_are_pure_counts_against_strangers() -> None:
    background = Background({"label": 3.0})
    pure, mixed = background.known("label.tenant"), background.known("label.rule")
    for number in range(60):
        for field in (pure, mixed):
            field.count(f"value-{number % 3}")
        pure.compare("value-0", 5, 5)
        mixed.compare(f"value-{number % 3}", int(number % 3 == 0) * 5, 5)
    one, other = (agreement(field.share("value-1"), field.concentration, 0, 5) for field in (pure, mixed))
    assert one < other - 1.0


def test_a_gap_that_is_usual_here_is_worth_more() -> None:
    background = Background({})
    before = background.tempo_nats(200.0)
    for _ in range(50):
        background.count_gap(200.0)
    assert background.tempo_nats(200.0) > before
    assert background.tempo_nats(7000.0) < 0.0


def test_more_openings_raise_the_rate() -> None:
    background = Background({})
    rates = []
    for at in range(0, 3600, 120):
        background.count_opening(float(at))
        rates.append(background.opening_rate(float(at)))
    assert rates[-1] > rates[0]
    assert background.opening_rate(3600.0 * 24) < rates[-1]
