"""What keeps alerts quiet: maintenance windows, inhibition rules, flapping."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
# The columns that older rows get, with the value they have there.
ADDED: tuple[tuple[str, str, Any, Any], ...] = (
    ("incidents", "muted", sa.Boolean(), sa.false()),
    ("alerts", "muted", sa.Boolean(), sa.false()),
    ("alerts", "mutes", JSON, "[]"),
    ("alerts", "unmute_at", MOMENT, None),
    ("alerts", "changes", JSON, "[]"),
    ("alerts", "flapping_since", MOMENT, None),
    ("alerts", "calm_at", MOMENT, None),
)
# Indexes over some rows only: name, column, condition.
PARTIAL = (
    ("ix_alerts_loud", "incident_id", "NOT muted"),
    ("ix_alerts_firing", "arrival", "status = 'firing'"),
    ("ix_alerts_unmute_at", "unmute_at", "unmute_at IS NOT NULL"),
    ("ix_alerts_calm_at", "calm_at", "calm_at IS NOT NULL"),
)
TABLES = ("inhibition_sides", "inhibitions", "maintenance_incidents", "maintenance")  # those that point to others first


def upgrade() -> None:
    """Add the columns in place (no table is rebuilt), their indexes, and the tables."""
    for table, name, kind, default in ADDED:
        op.add_column(table, sa.Column(name, kind, nullable=default is None, server_default=default))
    for name, column, condition in PARTIAL:
        where = sa.text(condition)
        op.create_index(name, "alerts", [column], sqlite_where=where, postgresql_where=where)
    op.create_index("ix_alerts_fingerprint_alerts_arrival", "alerts", ["fingerprint", "arrival"])
    _windows()
    _rules()


def downgrade() -> None:
    """Drop them. What was muted is loud again."""
    for table in TABLES:
        op.drop_table(table)
    op.drop_index("ix_alerts_fingerprint_alerts_arrival", "alerts")
    for name, _, _ in PARTIAL:
        op.drop_index(name, "alerts")
    for table, name, _, _ in reversed(ADDED):
        op.drop_column(table, name)


def _column(name: str, kind: Any, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=nullable)


def _windows() -> None:
    op.create_table(
        "maintenance",
        _column("id", sa.Text()),
        _column("matchers", JSON),
        _column("starts_at", MOMENT),
        _column("ends_at", MOMENT),
        _column("weekdays", JSON),
        _column("timezone", sa.Text()),
        _column("repeat_until", MOMENT, nullable=True),
        _column("comment", sa.Text()),
        _column("created_by", sa.Text()),
        _column("ended_at", MOMENT, nullable=True),
        _column("over_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_maintenance"),
    )
    op.create_index("ix_maintenance_over_at", "maintenance", ["over_at"])
    op.create_table(
        "maintenance_incidents",
        _column("window_id", sa.Text()),
        _column("starts_at", MOMENT),
        _column("incident_id", sa.Text()),
        sa.ForeignKeyConstraint(
            ["window_id"], ["maintenance.id"], name="fk_maintenance_incidents_window_id_maintenance"
        ),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name="fk_maintenance_incidents_incident_id_incidents"
        ),
        sa.PrimaryKeyConstraint("window_id", "starts_at", name="pk_maintenance_incidents"),
    )
    op.create_index("ix_maintenance_incidents_incident_id", "maintenance_incidents", ["incident_id"])


def _rules() -> None:
    op.create_table(
        "inhibitions",
        _column("id", sa.Text()),
        _column("source", JSON),
        _column("target", JSON),
        _column("equal", JSON),
        _column("linger_s", sa.Double()),
        _column("comment", sa.Text()),
        _column("created_by", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_inhibitions"),
    )
    op.create_table(
        "inhibition_sides",
        _column("rule_id", sa.Text()),
        _column("alert_id", sa.Text()),
        _column("key", sa.Text()),
        _column("source", sa.Boolean()),
        _column("target", sa.Boolean()),
        _column("starts_at", MOMENT),
        _column("ends_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["rule_id"], ["inhibitions.id"], name="fk_inhibition_sides_rule_id_inhibitions"),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name="fk_inhibition_sides_alert_id_alerts"),
        sa.PrimaryKeyConstraint("rule_id", "alert_id", name="pk_inhibition_sides"),
    )
    op.create_index("ix_inhibition_sides_alert_id", "inhibition_sides", ["alert_id"])
    op.create_index("ix_inhibition_sides_ends_at", "inhibition_sides", ["ends_at"])
    op.create_index("ix_inhibition_sides_key", "inhibition_sides", ["key"])
