"""What correlators were told, for those of other processes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.columns import JSON_VALUE, Moment

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; what was told before is known by what came of it."""
    op.create_table(
        "tellings",
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", Moment(), nullable=True),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("words", JSON_VALUE, nullable=False),
        sa.PrimaryKeyConstraint("revision", name="pk_tellings"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("tellings")
