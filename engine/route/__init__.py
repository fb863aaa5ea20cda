"""Incident -> people: who resolved such before, and whether they can take it now."""

from engine.route.availability import Availability, availability, is_working
from engine.route.constraints import Roster
from engine.route.expertise import Expertise
from engine.route.outcome import Target
from engine.route.policy import Policy, Requirement
from engine.route.router import Router

__all__ = [
    "Availability",
    "Expertise",
    "Policy",
    "Requirement",
    "Roster",
    "Router",
    "Target",
    "availability",
    "is_working",
]
