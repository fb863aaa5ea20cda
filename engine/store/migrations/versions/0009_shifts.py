"""Patterns that public holidays move, and patterns of events told from those of levels."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns in place (no table is rebuilt)."""
    op.add_column("patterns", sa.Column("holiday_shift", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("patterns", sa.Column("of_events", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("patterns", "of_events")
    op.drop_column("patterns", "holiday_shift")
