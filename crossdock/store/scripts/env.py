"""How Alembic reaches the store: the connection comes from ``crossdock.store.migrate``."""

from alembic import context

from crossdock.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table="crossdock_version",
    compare_type=False,
    render_as_batch=False,
    user_module_prefix="schema.",
)
with context.begin_transaction():
    context.run_migrations()
