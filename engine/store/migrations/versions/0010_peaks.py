"""Peaks of a load told from work that is switched on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column in place (no table is rebuilt)."""
    op.add_column("patterns", sa.Column("is_peak", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("patterns", "is_peak")
