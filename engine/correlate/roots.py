"""Which alert of an incident is probably its root: early, and what the others depend on."""

from __future__ import annotations

import math

from engine.correlate.question import World
from engine.correlate.profiles import Member, Profile
from engine.correlate.reading import kind_of

_READ = 64  # earliest members that can be the root
_PATIENCE_S = 120.0  # how late an alert may come and still be half of a suspect
_BELOW = 1.5  # weight of topology beside time


def rank_roots(profile: Profile, world: World) -> tuple[tuple[str, float], ...]:
    """The members as (alert id, score), likeliest root first; scores are 0..1. Beyond `_READ`: by time."""
    members = sorted(profile.members.values(), key=lambda member: (member.at, member.alert_id))
    suspects = members[:_READ]
    scored = sorted(((_suspicion(m, profile, world), -m.at, m.alert_id) for m in suspects), reverse=True)
    late = tuple((member.alert_id, 0.0) for member in members[_READ:])
    return tuple((alert_id, score) for score, _, alert_id in scored) + late


def _suspicion(member: Member, profile: Profile, world: World) -> float:
    early = math.exp(-math.log(2.0) * (member.at - profile.first) / _PATIENCE_S)
    below, others = 0, 0
    own = member.reading.things[:1]  # its service, or its host where it names no service
    for here in world.topology.nodes((*own, *map(kind_of, own))):
        around = world.topology.near[here]
        for thing in profile.things:
            near = around.get(thing)
            if near is not None and near.hops:
                others += 1
                below += near.direction == "up"
    needed = below / others if others else 0.5
    return (early + _BELOW * needed) / (1.0 + _BELOW)
