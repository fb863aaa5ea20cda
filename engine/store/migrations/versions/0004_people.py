"""People who left; what was given to whom lately, found without reading all timelines."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column in place, and the index."""
    op.add_column("responders", sa.Column("left", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index("ix_events_kind_events_at", "events", ["kind", "at"])


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_events_kind_events_at", "events")
    op.drop_column("responders", "left")
