"""Ours: who blocks whom."""

import sqlalchemy as sa

from regoods.core.database import UtcDateTime, metadata

blocks = sa.Table(
    "MessagingBlocks",
    metadata,
    sa.Column("UserID", sa.Integer, key="user_id", primary_key=True, autoincrement=False),
    sa.Column("BlockedID", sa.Integer, key="blocked_id", primary_key=True, autoincrement=False),
    sa.Column("CreatedAt", UtcDateTime, key="created_at", nullable=False),
    sa.Index("IX_MessagingBlocks_BlockedID", "blocked_id", "user_id"),
    info={"ours": True},
)
