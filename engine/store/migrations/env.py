"""Run by Alembic: hands it the open connection that `upgrade` prepared."""

from __future__ import annotations

from alembic import context

from engine.store.tables import Table

if hasattr(context, "config"):  # only while Alembic runs this file, not when a test collector imports it
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=Table.metadata,
        render_as_batch=True,
        compare_type=True,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()
