"""Ours: the log of each user's events, how far it has come, and which messages it tells of."""

import sqlalchemy as sa

from regoods.core.database import UtcDateTime, metadata

events = sa.Table(
    "MessagingEvents",
    metadata,
    # In the order of writing, by which the sweep finds the oldest without an index of its own.
    sa.Column("EventID", sa.BigInteger().with_variant(sa.Integer, "sqlite"), key="event_id", primary_key=True),
    sa.Column("UserID", sa.Integer, key="user_id", nullable=False),
    sa.Column("Seq", sa.Integer, key="seq", nullable=False),
    # The JSON that was pushed, without its number.
    sa.Column("Event", sa.UnicodeText, key="event", nullable=False),
    sa.Column("CreatedAt", UtcDateTime, key="created_at", nullable=False),
    sa.Index("IX_MessagingEvents_User", "user_id", "seq", unique=True),
    info={"ours": True},
)

cursors = sa.Table(
    "MessagingCursors",
    metadata,
    # The row of user 0, who is nobody, is a mark among the messages: all up to it are in the log, or older than it.
    sa.Column("UserID", sa.Integer, key="user_id", primary_key=True, autoincrement=False),
    # Whoever appends to a user's log holds this row until he commits: so the numbers have no gaps, and who sees one
    # sees all before it.
    sa.Column("Latest", sa.Integer, key="latest", nullable=False),
    info={"ours": True},
)

logged = sa.Table(
    "MessagingLogged",
    metadata,
    # Messages behind the mark whose creation is in the log; what a late commit adds before it has no meaning.
    sa.Column("MessageID", sa.Integer, key="message_id", primary_key=True, autoincrement=False),
    info={"ours": True},
)
