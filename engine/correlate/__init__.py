"""Alerts to incidents: signals (evidence), profiles (state), correlator (decision), repair (merge, split)."""

from engine.correlate.correlator import Correlator
from engine.correlate.repair import Revision
from engine.correlate.weights import Weights, shipped

__all__ = ["Correlator", "Revision", "Weights", "shipped"]
