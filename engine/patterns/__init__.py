"""Load and events that recur by the clock or the calendar."""

from engine.patterns.finder import EventSeries, PatternFinder, Series

__all__ = ["EventSeries", "PatternFinder", "Series"]
