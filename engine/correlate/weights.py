"""The shipped weights: what each measurement adds to the log-odds that an alert belongs to an incident."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from engine.correlate.forest import Forest

_SHIPPED = Path(__file__).with_name("weights.json")
_TREES = Path(__file__).with_name("trees.npz")
FORESTS = ("join", "settle")


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Log-odds per measurement, and each field's starting concentration (see `background`)."""

    join: Mapping[str, float]  # measurement -> log-odds, when an alert arrives
    settle: Mapping[str, float] = field(default_factory=dict)  # the same, when what came later is known too
    merge: Mapping[str, float] = field(default_factory=dict)  # that two incidents are one
    split: Mapping[str, float] = field(default_factory=dict)  # that two sides of an incident are one
    concentrations: Mapping[str, float] = field(default_factory=dict)
    forests: Mapping[str, Forest] = field(default_factory=dict)  # what trees add to `join` and `settle`

    def to_data(self) -> dict[str, Any]:
        """JSON-able form of all but the forests."""
        return {
            "join": dict(self.join),
            "settle": dict(self.settle),
            "merge": dict(self.merge),
            "split": dict(self.split),
            "concentrations": dict(self.concentrations),
        }

    def to_arrays(self) -> dict[str, np.ndarray]:
        """The forests."""
        return {key: array for name in self.forests for key, array in self.forests[name].to_arrays(name).items()}

    @classmethod
    def from_data(cls, data: Mapping[str, Any], arrays: Mapping[str, np.ndarray] = MappingProxyType({})) -> Weights:
        """The inverse of `to_data` and `to_arrays`; without arrays, there are no trees."""
        found = {name: Forest.from_arrays(name, arrays) for name in FORESTS}
        forests = {name: forest for name, forest in found.items() if forest is not None}
        known = {each.name: data[each.name] for each in fields(cls) if each.name in data}
        return cls(**known, forests=forests)


@lru_cache(maxsize=1)
def shipped() -> Weights:
    """The weights that come with the package: good without any history, see the README for what they learned from."""
    with np.load(_TREES, allow_pickle=False) as arrays:
        return Weights.from_data(json.loads(_SHIPPED.read_text(encoding="utf-8")), dict(arrays))
