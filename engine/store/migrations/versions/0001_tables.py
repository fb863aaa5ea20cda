"""The tables of the first release."""

from __future__ import annotations

from typing import Any, Literal

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
TABLES = (
    "series_days",
    "resolutions",
    "events",
    "alerts",
    "series",
    "responders",
    "patterns",
    "model_pointer",
    "incidents",
    "embeddings",
    "edges",
    "counter",
    "api_keys",
)  # those that point to others first


def upgrade() -> None:
    """Create them, and the rows that every transaction counts on."""
    for create in (_incidents, _courses, _alerts, _reference, _series, _bookkeeping):
        create()
    op.execute("INSERT INTO counter (id, revision, incidents, alerts, topology) VALUES (1, 0, 0, 0, 0)")
    op.execute("INSERT INTO model_pointer (id, version, previous) VALUES (1, '', '')")


def downgrade() -> None:
    """Drop them."""
    for table in TABLES:
        op.drop_table(table)


def _column(
    name: str, kind: Any, *, nullable: bool = False, autoincrement: Literal["auto"] | bool = "auto"
) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=nullable, autoincrement=autoincrement)


def _incidents() -> None:
    op.create_table(
        "incidents",
        _column("id", sa.Text()),
        _column("opened_at", MOMENT),
        _column("title", sa.Text()),
        _column("description", sa.Text()),
        _column("service", sa.Text()),
        _column("category", sa.Text()),
        _column("priority", sa.Text()),
        _column("status", sa.Text()),
        _column("closed_at", MOMENT, nullable=True),
        _column("root_alert_id", sa.Text(), nullable=True),
        _column("fields", JSON),
        _column("origin", sa.Text()),
        _column("edited", sa.Boolean()),
        _column("alerts", sa.Integer()),
        _column("firing", sa.Integer()),
        _column("detected_at", MOMENT, nullable=True),
        _column("ended_at", MOMENT, nullable=True),
        _column("acknowledged_at", MOMENT, nullable=True),
        _column("assignee", sa.Text()),
        _column("roots", JSON),
        _column("roots_at", sa.Integer()),
        _column("revision", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_incidents"),
    )
    op.create_index("ix_incidents_closed_at", "incidents", ["closed_at"])
    op.create_index("ix_incidents_opened_at_incidents_id", "incidents", ["opened_at", "id"])
    op.create_index("ix_incidents_revision", "incidents", ["revision"])
    op.create_index("ix_incidents_service_incidents_opened_at", "incidents", ["service", "opened_at"])
    op.create_index("ix_incidents_status_incidents_opened_at", "incidents", ["status", "opened_at"])


def _courses() -> None:
    op.create_table(
        "resolutions",
        _column("incident_id", sa.Text()),
        _column("text", sa.Text()),
        _column("resolver", sa.Text()),
        _column("team", sa.Text()),
        _column("resolved_at", MOMENT, nullable=True),
        _column("revision", sa.BigInteger()),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name="fk_resolutions_incident_id_incidents"),
        sa.PrimaryKeyConstraint("incident_id", name="pk_resolutions"),
    )
    op.create_index("ix_resolutions_revision", "resolutions", ["revision"])
    op.create_table(
        "events",
        _column("id", sa.Integer()),
        _column("incident_id", sa.Text()),
        _column("at", MOMENT),
        _column("kind", sa.Text()),
        _column("actor", sa.Text()),
        _column("detail", JSON),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name="fk_events_incident_id_incidents"),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
    )
    op.create_index("ix_events_incident_id", "events", ["incident_id"])


def _alerts() -> None:
    op.create_table(
        "alerts",
        _column("id", sa.Text()),
        _column("arrival", sa.BigInteger()),
        _column("source", sa.Text()),
        _column("fingerprint", sa.Text()),
        _column("title", sa.Text()),
        _column("description", sa.Text()),
        _column("severity", sa.Text()),
        _column("status", sa.Text()),
        _column("service", sa.Text()),
        _column("host", sa.Text()),
        _column("labels", JSON),
        _column("starts_at", MOMENT),
        _column("received_at", MOMENT),
        _column("ends_at", MOMENT, nullable=True),
        _column("repeats", sa.Integer()),
        _column("repeated_at", MOMENT, nullable=True),
        _column("last_seen_at", MOMENT, nullable=True),
        _column("incident_id", sa.Text()),
        _column("probability", sa.Double()),
        _column("score", sa.Double()),
        _column("evidence", JSON),
        _column("moved", sa.BigInteger()),
        _column("revision", sa.BigInteger()),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name="fk_alerts_incident_id_incidents"),
        sa.PrimaryKeyConstraint("id", name="pk_alerts"),
        sa.UniqueConstraint("arrival", name="uq_alerts_arrival"),
    )
    op.create_index("ix_alerts_incident_id_alerts_arrival", "alerts", ["incident_id", "arrival"])
    op.create_index("ix_alerts_received_at", "alerts", ["received_at"])
    op.create_index("ix_alerts_revision", "alerts", ["revision"])


def _reference() -> None:
    op.create_table(
        "responders",
        _column("id", sa.Text()),
        _column("name", sa.Text()),
        _column("team", sa.Text()),
        _column("skills", JSON),
        _column("timezone", sa.Text()),
        _column("workdays", JSON),
        _column("work_starts", sa.Text()),
        _column("work_ends", sa.Text()),
        _column("time_off", JSON),
        _column("on_call", sa.Boolean()),
        _column("max_open", sa.Integer()),
        sa.PrimaryKeyConstraint("id", name="pk_responders"),
    )
    op.create_table(
        "edges",
        _column("source", sa.Text()),
        _column("target", sa.Text()),
        _column("relation", sa.Text()),
        sa.PrimaryKeyConstraint("source", "target", "relation", name="pk_edges"),
    )
    op.create_table(
        "patterns",
        _column("id", sa.Text()),
        _column("service", sa.Text()),
        _column("host", sa.Text()),
        _column("metric", sa.Text()),
        _column("kind", sa.Text()),
        _column("rule", sa.Text()),
        _column("timezone", sa.Text()),
        _column("start_local", sa.Text()),
        _column("duration_minutes", sa.Integer()),
        _column("level", sa.Double()),
        _column("baseline", sa.Double()),
        _column("hits", sa.Integer()),
        _column("chances", sa.Integer()),
        _column("q_value", sa.Double()),
        _column("last_seen_at", MOMENT),
        _column("probability", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_patterns"),
    )


def _series() -> None:
    op.create_table(
        "series",
        _column("id", sa.Integer()),
        _column("service", sa.Text()),
        _column("host", sa.Text()),
        _column("metric", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_series"),
        sa.UniqueConstraint("service", "host", "metric", name="uq_series_service_host_metric"),
    )
    op.create_table(
        "series_days",
        _column("series_id", sa.Integer()),
        _column("day", sa.Integer(), autoincrement=False),
        _column("bins", sa.LargeBinary()),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"], name="fk_series_days_series_id_series"),
        sa.PrimaryKeyConstraint("series_id", "day", name="pk_series_days"),
    )
    op.create_table(
        "embeddings",
        _column("model", sa.Text()),
        _column("text_hash", sa.Text()),
        _column("vector", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("model", "text_hash", name="pk_embeddings"),
    )


def _bookkeeping() -> None:
    op.create_table(
        "counter",
        _column("id", sa.Integer(), autoincrement=False),
        _column("revision", sa.BigInteger()),
        _column("incidents", sa.BigInteger()),
        _column("alerts", sa.BigInteger()),
        _column("topology", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_counter"),
    )
    op.create_table(
        "api_keys",
        _column("id", sa.Text()),
        _column("name", sa.Text()),
        _column("digest", sa.Text()),
        _column("scopes", JSON),
        _column("created_at", MOMENT),
        _column("revoked_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
    )
    op.create_table(
        "model_pointer",
        _column("id", sa.Integer(), autoincrement=False),
        _column("version", sa.Text()),
        _column("previous", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_model_pointer"),
    )
