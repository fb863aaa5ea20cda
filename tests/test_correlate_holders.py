"""Who holds what, against the obvious way."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.correlate.holders import Holders

KEYS, IDS = st.sampled_from("ab"), st.sampled_from(("one", "two", "three"))


@given(st.lists(st.tuples(st.booleans(), KEYS, IDS), max_size=30))
def test_holders_equal_lists_with_the_latest_last(steps: list[tuple[bool, str, str]]) -> None:
    holders: Holders[str] = Holders()
    slow: dict[str, list[str]] = {}
    for put, key, incident_id in steps:
        kept = [other for other in slow.get(key, []) if other != incident_id]
        slow[key] = [*kept, incident_id] if put else kept
        (holders.put if put else holders.forget)(key, incident_id)
        assert list(holders.get(key)) == slow[key]
    assert len(holders) == sum(map(bool, slow.values()))
    assert [list(found) for found in holders.of("ab")] == [slow[key] for key in "ab" if slow.get(key)]
