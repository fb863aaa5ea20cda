"""Regular expressions: equal to Python's where they mean the same, and never slow."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InvalidInput
from engine.lifecycle.automaton import Automaton

ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\d", r"\w", r"\.", "-", "1", "[a-c1-3]", r"[\d-]"])
PATTERNS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda two: f"({two[0]}|{two[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{2,}", "*?"])).map(
            lambda x: f"(?:{x[0]}){x[1]}"
        ),
    ),
    max_leaves=8,
)
TEXTS = st.text(alphabet="ab1.-c\n", max_size=12)


@settings(max_examples=400, deadline=None)
@given(PATTERNS, TEXTS)
def test_it_matches_what_python_matches(pattern: str, text: str) -> None:
    assert Automaton(pattern).matches(text) is bool(re.fullmatch(pattern, text, re.DOTALL))


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("(a*)*b", "a" * 3000),
        ("(a|aa)+$", "a" * 3000 + "b"),
        (".*a.*a.*a.*a.*a.*b", "a" * 3000),
        ("(x+x+)+y", "x" * 3000),
    ],
)
def test_patterns_that_stall_others_are_answered_in_few_steps(pattern: str, text: str) -> None:
    automaton = Automaton(pattern)
    assert not automaton.matches(text)
    assert len(automaton._known) < 100  # steps that had to be worked out; the rest were looked up


@pytest.mark.parametrize(
    "pattern",
    [
        "(a",
        "a)",
        "[a",
        "*a",
        "a**",
        "(?=a)",
        "(?P<n>a)",
        r"(a)\1",
        r"\b",
        "a{2,1}",
        "a{999}",
        "[b-a]",
        "a" * 501,
        "(" * 50 + ")" * 50,
        "((a{20}){20}){20}",
        "a\\",
        "a^b",
        "(?i",
        r"\q",
    ],
)
def test_what_cannot_be_matched_in_linear_time_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidInput, match="the pattern"):
        Automaton(pattern)


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("^db-[0-9]+$", "db-12", True),
        ("db", "db-12", False),  # the whole has to match, as in Alertmanager
        ("(?i)Web.*", "WEB-1", True),
        ("(?i)straße", "STRASSE", False),
        ("", "", True),
        ("a|", "", True),
        (r"price\$", "price$", True),
        (r"a\\$", "a\\", True),
        ("{a}", "{a}", True),
        ("über-[ä-ü]+", "über-ö", True),
    ],
)
def test_notation(pattern: str, text: str, fits: bool) -> None:
    assert Automaton(pattern).matches(text) is fits
