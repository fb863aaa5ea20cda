"""How often alerts were told again, in a table of its own: in a storm nothing else of them changes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.columns import Moment

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Move the two columns."""
    op.create_table(
        "told",
        sa.Column("alert_id", sa.Text(), nullable=False),
        sa.Column("repeats", sa.Integer(), nullable=False),
        sa.Column("last_seen_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("alert_id", name="pk_told"),
    )
    op.execute("INSERT INTO told SELECT id, repeats, last_seen_at FROM alerts ORDER BY arrival")
    op.drop_column("alerts", "repeats")
    op.drop_column("alerts", "last_seen_at")


def downgrade() -> None:
    """Move them back."""
    op.add_column("alerts", sa.Column("repeats", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("alerts", sa.Column("last_seen_at", Moment(), nullable=True))
    for name in ("repeats", "last_seen_at"):
        op.execute(f"UPDATE alerts SET {name} = (SELECT told.{name} FROM told WHERE told.alert_id = alerts.id)")  # noqa: S608 - two names of our own
    op.drop_table("told")
