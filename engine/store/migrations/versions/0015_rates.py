"""Whether the levels of a pattern are of the rate at which a counter rises."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column in place (no table is rebuilt)."""
    op.add_column("patterns", sa.Column("of_rate", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("patterns", "of_rate")
