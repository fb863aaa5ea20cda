"""Incident -> people: who resolved such before, and whether they can take it now."""

from engine.route.availability import Availability, availability, is_working
from engine.route.expertise import Expertise
from engine.route.router import Router

__all__ = ["Availability", "Expertise", "Router", "availability", "is_working"]
