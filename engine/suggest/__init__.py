"""Incident -> past fixes: what fixed it last time, and why we think it is the same."""

from engine.suggest.encoder import Encoder, MemoryCache, VectorCache
from engine.suggest.recommender import Recommender
from engine.suggest.rerank import Fusion

__all__ = ["Encoder", "Fusion", "MemoryCache", "Recommender", "VectorCache"]
