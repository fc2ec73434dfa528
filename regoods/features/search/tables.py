"""What makes messages findable, beside the table of messages itself; all of it is ours (migrations/)."""

from typing import Any

import sqlalchemy as sa

from regoods.core.database import metadata
from regoods.features.conversations.tables import messages

# SQLite's FTS5, whose rowid is the MessageID; made by the migration in SQLite's own words. It holds the sender and the
# recipient as trigrams too, so the index itself leaves out what is not the caller's.
index = sa.table(
    "MessagingSearch",
    sa.column("rowid", sa.Integer),
    sa.column("Sender", sa.Text),
    sa.column("Recipient", sa.Text),
    sa.column("Folded", sa.Text),
    sa.column("MessagingSearch", sa.Text),
)

# Where FTS5 keeps the texts that it was given, by their column's number. Its own way to them takes twice as long.
texts = sa.table("MessagingSearch_content", sa.column("id", sa.Integer), sa.column("c2", sa.Text))

edits = sa.Table(
    "MessagingSearchEdits",
    metadata,
    # Whose text was edited, until it is indexed anew.
    sa.Column("MessageID", sa.Integer, key="message_id", primary_key=True, autoincrement=False),
    info={"ours": True, "only": "sqlite"},
)

# The caller's newest messages. The other editions have (SenderID) and (RecipientID), which end in the MessageID.
for _name, _column in (("IX_Messages_SentNewest", "sender_id"), ("IX_Messages_ReceivedNewest", "recipient_id")):
    sa.Index(_name, messages.c[_column], messages.c.message_id, info={"ours": True, "only": "postgresql"})

TRIGRAMS = "ix_messages_joined"
"""PostgreSQL's index of `joined(messages.c.message_content)`, where the extension pg_trgm is to be had."""


def folded(text: Any) -> Any:
    """`rules.fold` in PostgreSQL's words, for a database in UTF-8.

    By ICU, so that it does not depend on the locale the database was made with; a text of ASCII is spared that.
    """
    plain = sa.collate(sa.func.lower(sa.collate(text, "C")), "C")
    lower = sa.func.lower(sa.collate(text, "und-x-icu"))
    # ς σ, ı i, ß ss, and the dot of İ; written so that a database of any encoding takes the statement.
    for written, read in (
        (r"U&'\03c2'", r"U&'\03c3'"),
        (r"U&'\0131'", "'i'"),
        (r"U&'\00df'", "'ss'"),
        (r"U&'\0307'", "''"),
    ):
        lower = sa.func.replace(lower, sa.literal_column(written), sa.literal_column(read))
    is_ascii = sa.func.octet_length(text) == sa.func.char_length(text)
    return sa.case((is_ascii, plain), else_=sa.collate(lower, "C"))


def joined(text: Any) -> Any:
    """`folded` as `rules.joined` has it. The index is on this very expression."""
    return sa.func.replace(folded(text), sa.literal_column("' '"), sa.literal_column("''"))
