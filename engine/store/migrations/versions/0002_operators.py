"""What operators decide: pins, merges, incidents that are apart; and how sure each place is."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
# The columns that rows of the first release get, with the value they have there.
ADDED: tuple[tuple[str, str, Any, Any], ...] = (
    ("counter", "changed", sa.BigInteger(), "0"),
    ("counter", "changes", sa.BigInteger(), "0"),
    ("counter", "corrected", sa.BigInteger(), "0"),
    ("incidents", "merged_into", sa.Text(), None),
    ("incidents", "came", sa.Integer(), "0"),
    ("incidents", "gone", sa.Integer(), "0"),
    ("alerts", "moves", sa.Integer(), "0"),
    ("alerts", "runner_up", sa.Text(), None),
    ("alerts", "margin", sa.Double(), "0"),
    ("alerts", "provisional", sa.Boolean(), sa.false()),
    ("alerts", "pinned", sa.Boolean(), sa.false()),
)


def upgrade() -> None:
    """Add the columns in place (no table is rebuilt) and the two tables."""
    for table, name, kind, default in ADDED:
        op.add_column(table, sa.Column(name, kind, nullable=default is None, server_default=default))
    op.create_table(
        "partings",
        sa.Column("one_id", sa.Text(), nullable=False),
        sa.Column("other_id", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["one_id"], ["incidents.id"], name="fk_partings_one_id_incidents"),
        sa.ForeignKeyConstraint(["other_id"], ["incidents.id"], name="fk_partings_other_id_incidents"),
        sa.PrimaryKeyConstraint("one_id", "other_id", name="pk_partings"),
    )
    op.create_index("ix_partings_other_id", "partings", ["other_id"])
    op.create_index("ix_partings_revision", "partings", ["revision"])
    op.create_table(
        "state",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", JSON, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_state"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("state")
    op.drop_table("partings")
    for table, name, _, _ in reversed(ADDED):
        op.drop_column(table, name)
