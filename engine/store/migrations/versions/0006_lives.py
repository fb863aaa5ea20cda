"""What a pattern goes through: its state, its first finding, how it moved and grows, the holidays it leaves out."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
# The columns that older rows get, with the value they have there.
ADDED: tuple[tuple[str, Any, Any], ...] = (
    ("state", sa.Text(), "active"),
    ("first_seen_at", MOMENT, None),
    ("shift_minutes", sa.Integer(), "0"),
    ("growth_per_week", sa.Double(), "0"),
    ("except_holidays", sa.Text(), ""),
)


def upgrade() -> None:
    """Add the columns in place (no table is rebuilt)."""
    for name, kind, default in ADDED:
        op.add_column("patterns", sa.Column(name, kind, nullable=default is None, server_default=default))


def downgrade() -> None:
    """Drop them."""
    for name, _, _ in reversed(ADDED):
        op.drop_column("patterns", name)
