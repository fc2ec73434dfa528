"""`Messages` (contract, section 6), and ours beside it: what somebody cleared.

A 1:1 conversation has no table of its own: it is its messages' rows.
"""

from typing import Any

import sqlalchemy as sa

from regoods.core.database import UtcDateTime, metadata, utc_now

messages = sa.Table(
    "Messages",
    metadata,
    sa.Column("MessageID", sa.Integer, key="message_id", primary_key=True),
    sa.Column("SenderID", sa.Integer, key="sender_id", nullable=False),
    sa.Column("RecipientID", sa.Integer, key="recipient_id", nullable=False),
    sa.Column("PostID", sa.Integer, key="post_id"),
    sa.Column("MessageContent", sa.UnicodeText, key="message_content", nullable=False),
    sa.Column("MessageType", sa.String(20), key="message_type", nullable=False, server_default="text"),
    sa.Column("AttachmentURL", sa.String(500), key="attachment_url"),
    sa.Column("IsReadByRecipient", sa.Boolean, key="is_read_by_recipient", nullable=False, server_default=sa.false()),
    sa.Column("RecipientReadAt", UtcDateTime, key="recipient_read_at"),
    sa.Column("IsReadBySender", sa.Boolean, key="is_read_by_sender", nullable=False, server_default=sa.true()),
    sa.Column("SenderReadAt", UtcDateTime, key="sender_read_at"),
    sa.Column("IsRead", sa.Boolean, key="is_read", nullable=False, server_default=sa.false()),
    sa.Column("ReadAt", UtcDateTime, key="read_at"),
    sa.Column("IsDeleted", sa.Boolean, key="is_deleted", nullable=False, server_default=sa.false()),
    sa.Column("DeletedBy", sa.Integer, key="deleted_by"),
    sa.Column("IsEdited", sa.Boolean, key="is_edited", nullable=False, server_default=sa.false()),
    sa.Column("EditedAt", UtcDateTime, key="edited_at"),
    sa.Column("ParentMessageID", sa.Integer, key="parent_message_id"),
    sa.Column("CreatedAt", UtcDateTime, key="created_at", nullable=False, server_default=utc_now()),
    sa.Column("UpdatedAt", UtcDateTime, key="updated_at"),
    sa.Index("IX_Messages_SenderID", "sender_id"),
    sa.Index("IX_Messages_RecipientID", "recipient_id"),
    sa.Index("IX_Messages_Conversation", "sender_id", "recipient_id"),
    sa.Index("IX_Messages_PostID", "post_id"),
    # An id must never come back: clients hold ids of what they have seen.
    sqlite_autoincrement=True,
)
sa.Index("IX_Messages_CreatedAt", messages.c.created_at.desc())


def is_unread(of: Any = messages) -> sa.ColumnElement[bool]:
    """For its recipient, in the table or an alias of it. What the old API marked has only the legacy flag."""
    flags = (of.c.is_read_by_recipient, of.c.is_read, of.c.is_deleted)
    return sa.and_(*(flag == sa.false() for flag in flags))


# Ours (migrations/). A partner's newest message, a page of a thread and its length are read from these alone.
sa.Index(
    "IX_Messages_Sent",
    *(messages.c[name] for name in ("sender_id", "recipient_id", "message_id", "is_deleted")),
    info={"ours": True},
)
sa.Index(
    "IX_Messages_Received",
    *(messages.c[name] for name in ("recipient_id", "sender_id", "message_id", "is_deleted")),
    info={"ours": True},
)
sa.Index(
    "IX_Messages_Unread",
    *(messages.c[name] for name in ("recipient_id", "sender_id", "message_id")),
    info={"ours": True},
    sqlite_where=is_unread(),
    mssql_where=is_unread(),
    postgresql_where=is_unread(),
)

clears = sa.Table(
    "MessagingClears",
    metadata,
    sa.Column("UserID", sa.Integer, key="user_id", primary_key=True, autoincrement=False),
    # The partner, of what he wrote to the user; below zero, of what the user wrote to him. Two marks, for on a server
    # a message may be committed after one with a higher id: the partner's is not to be cleared by the user's own. A row
    # of the first kind clears both where there is none of the second.
    sa.Column("PartnerID", sa.Integer, key="partner_id", primary_key=True, autoincrement=False),
    # This message and everything before it is gone for the user; the partner keeps it.
    sa.Column("ClearedUpTo", sa.Integer, key="cleared_up_to", nullable=False),
    sa.Column("ClearedAt", UtcDateTime, key="cleared_at", nullable=False),
    info={"ours": True},
)
