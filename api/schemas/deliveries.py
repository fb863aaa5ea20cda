"""What callers get of deliveries: receipts, and what could not be taken."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from api.schemas.answers import Out


class RejectedOut(Out):
    """An alert that was not taken, by its place in the body."""

    index: int
    field: str
    problem: str


class ReceiptOut(Out):
    """An alert that is on disk and grouped."""

    alert_id: str
    incident_id: str
    outcome: str = Field(description="opened | joined | repeat | resolved | duplicate | stored: grouping follows")


class Taken(Out):
    """The answer to a delivery. All of `accepted` is on disk; `duplicates` of these had been delivered before."""

    accepted: int
    duplicates: int
    rejected: list[RejectedOut] = Field(description="the first of them; the others were taken all the same")
    rejected_count: int
    missing: int = Field(description="alerts that the tool says it left out of this delivery")
    incident_ids: list[str]
    receipts: list[ReceiptOut]
    quarantined: int = Field(description="what could not be taken and is kept to be looked at: `/v1/quarantine`")
    rung: str = Field(description="step of the degrade ladder: full | lexical | rules | apart | stored | read-only")


class AsideOut(Out):
    """Something that was sent and could not be taken."""

    id: int
    at: datetime = Field(description="when it last came")
    source: str
    sender: str = Field(description="name of the key it came with")
    field: str
    problem: str
    payload: str = Field(description="JSON as it was sent, without its secrets")
    whole: bool = Field(description="false: it was too long, is cut off, and cannot be tried again")
    times: int = Field(description="how often it came")


class AsideList(BaseModel):
    """A page of quarantine; `before` leads to the next one."""

    items: list[AsideOut]
    before: int | None
