"""Ours: idempotency keys. `Messages` itself stands in conversations, which consist of it."""

import sqlalchemy as sa

from regoods.core.database import UtcDateTime, metadata

keys = sa.Table(
    "MessagingKeys",
    metadata,
    sa.Column("UserID", sa.Integer, key="user_id", primary_key=True, autoincrement=False),
    # Digests, as numbers: a text's case may not count in a collation, and a varchar wants other parameters.
    sa.Column("KeyDigest", sa.BigInteger, key="key_digest", primary_key=True, autoincrement=False),
    sa.Column("BodyDigest", sa.BigInteger, key="body_digest", nullable=False),
    sa.Column("MessageID", sa.Integer, key="message_id", nullable=False),
    sa.Column("CreatedAt", UtcDateTime, key="created_at", nullable=False),
    sa.Index("IX_MessagingKeys_CreatedAt", "created_at"),
    info={"ours": True},
)
