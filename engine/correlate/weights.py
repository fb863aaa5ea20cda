"""The shipped weights: what each measurement adds to the log-odds that an alert belongs to an incident."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

_SHIPPED = Path(__file__).with_name("weights.json")


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Log-odds per measurement, and each field's starting concentration (see `background`)."""

    join: Mapping[str, float]  # measurement -> log-odds, when an alert arrives
    settle: Mapping[str, float] = field(default_factory=dict)  # the same, when what came later is known too
    merge: Mapping[str, float] = field(default_factory=dict)  # that two incidents are one
    split: Mapping[str, float] = field(default_factory=dict)  # that two sides of an incident are one
    concentrations: Mapping[str, float] = field(default_factory=dict)

    def to_data(self) -> dict[str, Any]:
        """JSON-able form."""
        return {
            "join": dict(self.join),
            "settle": dict(self.settle),
            "merge": dict(self.merge),
            "split": dict(self.split),
            "concentrations": dict(self.concentrations),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Weights:
        """The inverse of `to_data`."""
        return cls(**{each.name: data[each.name] for each in fields(cls) if each.name in data})


@lru_cache(maxsize=1)
def shipped() -> Weights:
    """The weights that come with the package: good without any history, see the README for what they learned from."""
    return Weights.from_data(json.loads(_SHIPPED.read_text(encoding="utf-8")))
