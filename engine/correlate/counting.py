"""What an alert teaches about ordinary traffic when it joins or opens an incident."""

from __future__ import annotations

from engine.correlate.background import Background
from engine.correlate.profile import Member, Profile


def count(background: Background, member: Member, profile: Profile | None) -> bool:
    """`member` joins `profile` (as it is before), or opens an incident where that is None; whether what was known turns
    out by it to be of another place altogether."""
    background.count_alert()
    elsewhere = False
    if profile is None:
        background.count_opening(member.at)
    else:
        background.count_gap(profile.gap(member.at))
        background.count_repeat(again=member.fingerprint in profile.episodes)
    for name, value in member.reading.fields:
        field = background.known(name)
        inside = profile.inside.get(name, {}).get(value, 0) if profile else 0
        among = profile.among.get(name, 0) if profile else 0
        if among:
            field.compare(value, inside, among)
        if not inside and field.count(value):
            elsewhere = elsewhere or name == background.place
    held = (profile.things, profile.words) if profile else ({}, {})
    for role, values, there in zip(("thing", "word"), (member.reading.things, member.reading.words), held, strict=True):
        field = background.known(role)
        for value in values:
            if value not in there:
                field.count(value)
    return elsewhere
