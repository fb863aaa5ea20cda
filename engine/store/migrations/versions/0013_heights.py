"""The chance that a load is high when it comes, beside the chance that it comes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column in place (no table is rebuilt)."""
    op.add_column("patterns", sa.Column("chance_high", sa.Double(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("patterns", "chance_high")
