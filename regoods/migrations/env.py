"""How Alembic reaches the database: run by it, for each upgrade."""

from alembic import context

from regoods.core.database import Database
from regoods.migrations import VERSION_TABLE

database: Database = context.config.attributes["database"]

with database.engine.connect() as connection:
    if database.embedded:
        # Its driver begins no transaction by itself; and nobody else may migrate meanwhile.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    context.configure(
        connection=connection,
        version_table=VERSION_TABLE,
        transaction_per_migration=not database.embedded,
        **context.config.attributes,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
