"""What callers get, whatever they ask about. Each shape is filled from the attributes of the engine's own values."""

from __future__ import annotations

from datetime import time
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

Share = Annotated[float, Field(ge=0, le=1)]
# What a clock on the wall shows: without a zone it is no "time" of JSON Schema.
ClockTime = Annotated[time, WithJsonSchema({"type": "string", "pattern": "^[0-2][0-9]:[0-5][0-9]", "example": "09:00"})]


class Out(BaseModel):
    """Filled from attributes."""

    model_config = ConfigDict(from_attributes=True)


class Stored(BaseModel):
    """How many were stored."""

    stored: int


class Ready(BaseModel):
    """Whether alerts can be stored, and the rung of the ladder that answers come from."""

    ready: bool
    readable: bool
    writable: bool
    rung: str
    model_version: str
    note: str
    waiting_alerts: int
    to_be_grouped: int = Field(default=0, description="alerts that are on disk and grouped later")
    quarantined: int = Field(default=0, description="what could not be taken and is kept to be looked at")


class Problem(BaseModel):
    """Every answer that is not a success. `fields` names what is wrong and never repeats a value."""

    error: str
    message: str
    fields: list[dict[str, str]] | None = None
