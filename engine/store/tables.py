"""The tables. Every write transaction takes the next revision; rows carry the revision that last changed them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, MetaData, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from engine.store.columns import JSON_VALUE, Moment, Words


class Table(DeclarativeBase):
    """Root of the tables; constraint names are fixed so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Words,
        datetime: Moment,
        dict[str, Any]: JSON_VALUE,
        list[Any]: JSON_VALUE,
        bytes: LargeBinary,
    }


def _some(name: str, column: str, condition: str) -> Index:
    """An index over the rows that meet `condition` only."""
    return Index(name, column, sqlite_where=text(condition), postgresql_where=text(condition))


class CounterRow(Table):
    """One row: what the next writer continues from."""

    __tablename__ = "counter"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    revision: Mapped[int] = mapped_column(BigInteger)  # of the last committed write transaction
    incidents: Mapped[int] = mapped_column(BigInteger)  # highest n given out as INC-n
    alerts: Mapped[int] = mapped_column(BigInteger)  # alerts ever stored
    topology: Mapped[int] = mapped_column(BigInteger)  # revision that last replaced the topology
    changed: Mapped[int] = mapped_column(BigInteger)  # alerts that later evidence has moved at least once
    changes: Mapped[int] = mapped_column(BigInteger)  # moves of alerts by later evidence
    corrected: Mapped[int] = mapped_column(BigInteger)  # moves of alerts by operators


class IncidentRow(Table):
    """One incident and what is counted beside it."""

    __tablename__ = "incidents"
    id: Mapped[str] = mapped_column(primary_key=True)
    opened_at: Mapped[datetime]
    title: Mapped[str]
    description: Mapped[str]
    service: Mapped[str]
    category: Mapped[str]
    priority: Mapped[str]
    status: Mapped[str]
    closed_at: Mapped[datetime | None]
    root_alert_id: Mapped[str | None]
    fields: Mapped[dict[str, Any]]
    origin: Mapped[str]
    edited: Mapped[bool]  # a person's words stand; alerts no longer change them
    alerts: Mapped[int]
    firing: Mapped[int]
    detected_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    acknowledged_at: Mapped[datetime | None]
    assignee: Mapped[str]
    roots: Mapped[list[Any]]  # [[alert id, score], ...] best first
    roots_at: Mapped[int]
    merged_into: Mapped[str | None]  # the incident that all its alerts went to
    muted: Mapped[bool]  # every alert in it is
    came: Mapped[int]  # alerts that later evidence brought from other incidents
    gone: Mapped[int]  # alerts that later evidence took to other incidents
    revision: Mapped[int] = mapped_column(BigInteger, index=True)
    __table_args__ = (
        Index(None, "opened_at", "id"),
        Index(None, "status", "opened_at"),
        Index(None, "service", "opened_at"),
        Index(None, "closed_at"),
    )


class ResolutionRow(Table):
    """What fixed an incident; the latest word, earlier ones are in the timeline."""

    __tablename__ = "resolutions"
    incident_id: Mapped[str] = mapped_column(ForeignKey("incidents.id"), primary_key=True)
    text: Mapped[str]
    resolver: Mapped[str]
    team: Mapped[str]
    resolved_at: Mapped[datetime | None]
    revision: Mapped[int] = mapped_column(BigInteger, index=True)


class AlertRow(Table):
    """One episode of one symptom, and its place in an incident."""

    __tablename__ = "alerts"
    id: Mapped[str] = mapped_column(primary_key=True)
    arrival: Mapped[int] = mapped_column(BigInteger, unique=True)  # 1 = the first ever stored
    source: Mapped[str]
    fingerprint: Mapped[str]
    title: Mapped[str]
    description: Mapped[str]
    severity: Mapped[str]
    status: Mapped[str]
    service: Mapped[str]
    host: Mapped[str]
    labels: Mapped[dict[str, Any]]
    starts_at: Mapped[datetime]
    received_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    repeated_at: Mapped[datetime | None]  # event time of the latest repeat that carried another start
    incident_id: Mapped[str] = mapped_column(ForeignKey("incidents.id"))
    probability: Mapped[float]
    score: Mapped[float]
    evidence: Mapped[list[Any]]  # [[signal, weight, detail], ...]
    moved: Mapped[int] = mapped_column(BigInteger)  # revision that moved it between incidents, 0 if none did
    moves: Mapped[int]  # times that later evidence moved it
    runner_up: Mapped[str | None]  # the second-best incident when it was placed
    margin: Mapped[float]  # log-odds between its place and the best alternative
    provisional: Mapped[bool]
    pinned: Mapped[bool]  # an operator's word: no model moves it
    muted: Mapped[bool]
    mutes: Mapped[list[Any]]  # [[kind, window or rule, because, until, alert id], ...]
    unmute_at: Mapped[datetime | None]  # when the last of them ends by itself, while it fires
    changes: Mapped[list[Any]]  # [[unix microseconds, began], ...] of its symptom, oldest first
    flapping_since: Mapped[datetime | None]
    calm_at: Mapped[datetime | None]
    revision: Mapped[int] = mapped_column(BigInteger, index=True)
    __table_args__ = (
        Index(None, "incident_id", "arrival"),
        Index(None, "received_at"),
        Index(None, "fingerprint", "arrival"),
        _some("ix_alerts_loud", "incident_id", "NOT muted"),
        _some("ix_alerts_firing", "arrival", "status = 'firing'"),
        _some("ix_alerts_unmute_at", "unmute_at", "unmute_at IS NOT NULL"),
        _some("ix_alerts_calm_at", "calm_at", "calm_at IS NOT NULL"),
    )


class ToldRow(Table):
    """How often an alert was told again, and when last: one row for each alert.

    Apart from the alert's own row, since in a storm this is all that changes: fifty of these rows share a page, which
    goes to disk whole, and not three.
    """

    __tablename__ = "told"
    alert_id: Mapped[str] = mapped_column(primary_key=True)
    repeats: Mapped[int]
    last_seen_at: Mapped[datetime | None]


class PartingRow(Table):
    """Two incidents that an operator told apart: no model makes them one. `one_id` < `other_id`."""

    __tablename__ = "partings"
    one_id: Mapped[str] = mapped_column(ForeignKey("incidents.id"), primary_key=True)
    other_id: Mapped[str] = mapped_column(ForeignKey("incidents.id"), primary_key=True, index=True)
    revision: Mapped[int] = mapped_column(BigInteger, index=True)


class StateRow(Table):
    """A small value under a name, such as what operators' corrections have taught."""

    __tablename__ = "state"
    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[dict[str, Any]]
    revision: Mapped[int] = mapped_column(BigInteger)


class EventRow(Table):
    """One line of a timeline. Never changed, never deleted."""

    __tablename__ = "events"
    id: Mapped[int] = mapped_column(primary_key=True)
    incident_id: Mapped[str] = mapped_column(ForeignKey("incidents.id"), index=True)
    at: Mapped[datetime]
    kind: Mapped[str]
    actor: Mapped[str]
    detail: Mapped[dict[str, Any]]
    __table_args__ = (Index(None, "kind", "at"),)


class WindowRow(Table):
    """A maintenance window. Never deleted once it has begun: alerts name it."""

    __tablename__ = "maintenance"
    id: Mapped[str] = mapped_column(primary_key=True)
    matchers: Mapped[list[Any]]  # [[field, op, value], ...]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    weekdays: Mapped[list[Any]]  # [] = it does not come back
    timezone: Mapped[str]
    repeat_until: Mapped[datetime | None]
    comment: Mapped[str]
    created_by: Mapped[str]
    ended_at: Mapped[datetime | None]
    over_at: Mapped[datetime | None] = mapped_column(index=True)  # None = it comes back for ever


class WindowIncidentRow(Table):
    """The incident that holds the alerts of one stretch of a window."""

    __tablename__ = "maintenance_incidents"
    window_id: Mapped[str] = mapped_column(ForeignKey("maintenance.id"), primary_key=True)
    starts_at: Mapped[datetime] = mapped_column(primary_key=True)  # of the stretch
    incident_id: Mapped[str] = mapped_column(ForeignKey("incidents.id"), index=True)


class RuleRow(Table):
    """An inhibition rule."""

    __tablename__ = "inhibitions"
    id: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[list[Any]]  # [[field, op, value], ...]
    target: Mapped[list[Any]]
    equal: Mapped[list[Any]]
    linger_s: Mapped[float]
    comment: Mapped[str]
    created_by: Mapped[str]


class SideRow(Table):
    """An alert's part in a rule, while it fires and for some time after."""

    __tablename__ = "inhibition_sides"
    rule_id: Mapped[str] = mapped_column(ForeignKey("inhibitions.id"), primary_key=True)
    alert_id: Mapped[str] = mapped_column(ForeignKey("alerts.id"), primary_key=True, index=True)
    key: Mapped[str] = mapped_column(index=True)  # sides with the same key meet
    source: Mapped[bool]
    target: Mapped[bool]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None] = mapped_column(index=True)


class ResponderRow(Table):
    """A person or a team's queue."""

    __tablename__ = "responders"
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    team: Mapped[str]
    skills: Mapped[list[Any]]
    timezone: Mapped[str]
    workdays: Mapped[list[Any]]
    work_starts: Mapped[str]  # HH:MM, local
    work_ends: Mapped[str]
    time_off: Mapped[list[Any]]  # [[start, end], ...] ISO 8601 in UTC
    on_call: Mapped[bool]
    max_open: Mapped[int]
    left: Mapped[bool]


class RunbookRow(Table):
    """A page that says what to do."""

    __tablename__ = "runbooks"
    id: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    url: Mapped[str]
    text: Mapped[str]
    services: Mapped[list[Any]]


class EdgeRow(Table):
    """One relation of the topology."""

    __tablename__ = "edges"
    source: Mapped[str] = mapped_column(primary_key=True)
    target: Mapped[str] = mapped_column(primary_key=True)
    relation: Mapped[str] = mapped_column(primary_key=True)


class PatternRow(Table):
    """One recurring load of the latest retrain."""

    __tablename__ = "patterns"
    id: Mapped[str] = mapped_column(primary_key=True)
    service: Mapped[str]
    host: Mapped[str]
    metric: Mapped[str]
    kind: Mapped[str]
    rule: Mapped[str]
    timezone: Mapped[str]
    start_local: Mapped[str]
    duration_minutes: Mapped[int]
    level: Mapped[float]
    baseline: Mapped[float]
    hits: Mapped[int]
    chances: Mapped[int]
    q_value: Mapped[float]
    last_seen_at: Mapped[datetime]
    probability: Mapped[float | None]
    state: Mapped[str]
    first_seen_at: Mapped[datetime | None]
    shift_minutes: Mapped[int]
    growth_per_week: Mapped[float]
    except_holidays: Mapped[str]
    holiday_shift: Mapped[int]
    of_events: Mapped[bool]
    is_peak: Mapped[bool]
    chance_high: Mapped[float | None]
    of_rate: Mapped[bool]


class SeriesRow(Table):
    """One metric series."""

    __tablename__ = "series"
    id: Mapped[int] = mapped_column(primary_key=True)
    service: Mapped[str]
    host: Mapped[str]
    metric: Mapped[str]
    __table_args__ = (UniqueConstraint("service", "host", "metric"),)


class SeriesDayRow(Table):
    """One UTC day of one series: 288 five-minute means and their counts, compressed."""

    __tablename__ = "series_days"
    series_id: Mapped[int] = mapped_column(ForeignKey("series.id"), primary_key=True)
    day: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # days since 1970-01-01 UTC
    bins: Mapped[bytes]


class EmbeddingRow(Table):
    """A text's vector under one model, found by the text's hash."""

    __tablename__ = "embeddings"
    model: Mapped[str] = mapped_column(primary_key=True)
    text_hash: Mapped[str] = mapped_column(primary_key=True)
    vector: Mapped[bytes]  # float32, little endian


class DeliveryRow(Table):
    """A delivery that was taken, so that sending it again changes nothing."""

    __tablename__ = "deliveries"
    id: Mapped[str] = mapped_column(primary_key=True)  # a digest of who sent what under which id
    at: Mapped[datetime] = mapped_column(index=True)
    receipts: Mapped[list[Any]]  # [[alert id, incident id, outcome], ...]


class DoubtRow(Table):
    """A firing alert that has to be judged again whether it is muted: there were too many to judge them at once."""

    __tablename__ = "doubts"
    alert_id: Mapped[str] = mapped_column(ForeignKey("alerts.id"), primary_key=True)


class QuarantineRow(Table):
    """Something that was sent and could not be taken, kept as it was sent, without its secrets."""

    __tablename__ = "quarantine"
    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(unique=True)  # the same thing sent again is counted, not kept twice
    at: Mapped[datetime]  # when it last came
    source: Mapped[str]  # what reads it
    sender: Mapped[str]  # name of the key
    field: Mapped[str]
    problem: Mapped[str]
    payload: Mapped[str]  # JSON
    whole: Mapped[bool]  # false: cut off, cannot be tried again
    times: Mapped[int]  # how often it came


class InboxRow(Table):
    """A delivery that is on disk and still to be grouped."""

    __tablename__ = "inbox"
    id: Mapped[int] = mapped_column(primary_key=True)  # in the order received
    name: Mapped[str]  # the delivery's id; of its own where the sender gave none
    alerts: Mapped[int]  # how many
    payload: Mapped[str]  # JSON list of them, ready to be kept


class TellingRow(Table):
    """What one write transaction told the correlator, for those of other processes."""

    __tablename__ = "tellings"
    revision: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime | None]  # the latest arrival among the alerts in it
    size: Mapped[int]  # words
    words: Mapped[list[Any]]  # [[verb, ...], ...]


class KeyRow(Table):
    """An API key: the sha256 of its token, never the token."""

    __tablename__ = "api_keys"
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    digest: Mapped[str]  # 64 hex digits
    scopes: Mapped[list[Any]]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class ModelPointerRow(Table):
    """One row: the model version in service and the one before."""

    __tablename__ = "model_pointer"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[str]  # "" = none: the engine serves as it comes
    previous: Mapped[str]
