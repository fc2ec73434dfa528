"""`Messages` (contract, section 6). A 1:1 conversation has no table of its own: it is its messages' rows."""

import sqlalchemy as sa

from regoods.core.database import UtcDateTime, metadata

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
    sa.Column("CreatedAt", UtcDateTime, key="created_at", nullable=False, server_default=sa.func.now()),
    sa.Column("UpdatedAt", UtcDateTime, key="updated_at"),
    sa.Index("IX_Messages_SenderID", "sender_id"),
    sa.Index("IX_Messages_RecipientID", "recipient_id"),
    sa.Index("IX_Messages_Conversation", "sender_id", "recipient_id"),
    sa.Index("IX_Messages_PostID", "post_id"),
    # An id must never come back: clients hold ids of what they have seen.
    sqlite_autoincrement=True,
)
sa.Index("IX_Messages_CreatedAt", messages.c.created_at.desc())
