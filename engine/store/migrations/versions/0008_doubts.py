"""Alerts that have to be judged again whether they are muted, where they are too many for one transaction."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the list."""
    op.create_table(
        "doubts",
        sa.Column("alert_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name="fk_doubts_alert_id_alerts"),
        sa.PrimaryKeyConstraint("alert_id", name="pk_doubts"),
    )


def downgrade() -> None:
    """Drop it: windows and rules are judged anew for all that fires, as after any change of them."""
    op.execute(sa.text("UPDATE state SET value = '{\"pending\": true}' WHERE name = 'plans'"))
    op.drop_table("doubts")
