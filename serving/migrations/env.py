"""Alembic's door: it runs on the connection that `serving.store.run_migrations` hands over."""

from alembic import context

from serving.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
