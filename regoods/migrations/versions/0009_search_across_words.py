"""What makes messages findable: FTS5 on the embedded database, trigrams on PostgreSQL; SQL Server needs nothing.

Both know what a space stands between; the former ones, which did not, go. SQLite's is filled after the start, by the
server, while a search reads the messages themselves. PostgreSQL's extension is one that a database's owner may install;
where he may not, search goes without the index.
"""

import sqlalchemy as sa
from alembic import op

from regoods.features.conversations.tables import messages
from regoods.features.search.tables import TRIGRAMS, index, joined
from regoods.migrations.statements import current_dialect, outside_a_transaction

revision = "0009"
down_revision = "0008"

FORMER_TRIGRAMS = "ix_messages_content"

PENDING_KB = 1024
"""What PostgreSQL gathers before it sorts it into the index, while somebody's message waits: at 4 MB for 70 ms."""


def upgrade() -> None:
    dialect = current_dialect()
    if dialect.name == "sqlite":
        _for_sqlite()
    elif dialect.name == "postgresql":
        _trigrams()
        outside_a_transaction(f"DROP INDEX CONCURRENTLY IF EXISTS {FORMER_TRIGRAMS}")


def _for_sqlite() -> None:
    op.execute(f"DROP TABLE IF EXISTS {index.name}")
    # The texts come as `rules.indexed` makes them. Where in a text a trigram stands is not kept: each text found is
    # looked at anyway.
    op.execute(
        f"CREATE VIRTUAL TABLE {index.name} USING fts5 "
        "(Sender, Recipient, Folded, tokenize = 'trigram case_sensitive 1', detail = none, columnsize = 0)"
    )
    # By itself it puts its parts together in one go of 30 to 60 ms; the indexer does so in pieces.
    for option, value in (("automerge", 0), ("crisismerge", 64)):
        op.execute(f"INSERT INTO {index.name} ({index.name}, rank) VALUES ('{option}', {value})")  # noqa: S608


def _trigrams() -> None:
    op.execute(
        "DO $$ BEGIN CREATE EXTENSION IF NOT EXISTS pg_trgm; EXCEPTION WHEN OTHERS THEN "
        "RAISE NOTICE USING MESSAGE = 'Search goes without an index, for lack of pg_trgm: ' || SQLERRM; END $$"
    )
    # In another encoding there is nothing to fold most letters to.
    is_there = "SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm' AND current_setting('server_encoding') = 'UTF8'"
    table = current_dialect().identifier_preparer.format_table(messages)
    expression = joined(messages.c.message_content).compile(
        dialect=current_dialect(), compile_kwargs={"include_table": False}
    )
    create = (
        f"CREATE INDEX IF NOT EXISTS {TRIGRAMS} ON {table} USING gin (({expression}) gin_trgm_ops) "
        f"WITH (gin_pending_list_limit = {PENDING_KB})"
    )
    if op.get_context().as_sql:
        # Within a condition it cannot be made CONCURRENTLY: writers wait, 12 s for a million messages.
        op.execute(f"DO $$ BEGIN IF EXISTS ({is_there}) THEN {create}; END IF; END $$")
    elif op.get_bind().execute(sa.text(is_there)).scalar():
        outside_a_transaction(create.replace("INDEX", "INDEX CONCURRENTLY", 1))
