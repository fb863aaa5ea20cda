"""What callers get of expected load."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class LevelOut(BaseModel):
    """What a series is expected to be in one slot of the local week, in units of the metric."""

    model_config = ConfigDict(from_attributes=True)

    start: datetime
    end: datetime
    level: float
    low: float = Field(description="a tenth of what is measured then lies below")
    high: float = Field(description="and a tenth above")
    chance_high: Annotated[float, Field(ge=0, le=1)]
    days: int = Field(description="of the past, with samples")
