"""What happens around an incident: how urgent it is, and how its handling is measured."""

from engine.lifecycle.measures import Course, Measures, Spread, measure
from engine.lifecycle.severity import priority

__all__ = ["Course", "Measures", "Spread", "measure", "priority"]
