"""What intake remembers: deliveries that were taken, and what could not be taken."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "deliveries",
        _column("id", sa.Text()),
        _column("at", MOMENT),
        _column("receipts", JSON),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
    )
    op.create_index("ix_deliveries_at", "deliveries", ["at"])
    op.create_table(
        "quarantine",
        _column("id", sa.Integer()),
        _column("digest", sa.Text()),
        _column("at", MOMENT),
        _column("source", sa.Text()),
        _column("sender", sa.Text()),
        _column("field", sa.Text()),
        _column("problem", sa.Text()),
        _column("payload", sa.Text()),
        _column("whole", sa.Boolean()),
        _column("times", sa.Integer()),
        sa.PrimaryKeyConstraint("id", name="pk_quarantine"),
        sa.UniqueConstraint("digest", name="uq_quarantine_digest"),
    )


def downgrade() -> None:
    """Drop them: deliveries sent again count as repeats, and what was put aside is gone."""
    op.drop_table("quarantine")
    op.drop_index("ix_deliveries_at", "deliveries")
    op.drop_table("deliveries")


def _column(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)
