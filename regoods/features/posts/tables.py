"""ReGoods' own `Posts` and `PostImages` (contract, section 6); we only read them."""

import sqlalchemy as sa

from regoods.core.database import UtcDateTime, metadata

posts = sa.Table(
    "Posts",
    metadata,
    sa.Column("PostID", sa.Integer, key="post_id", primary_key=True),
    sa.Column("UserID", sa.Integer, key="user_id", nullable=False),
    sa.Column("Title", sa.Unicode(255), key="title", nullable=False),
    sa.Column("CategoryID", sa.Integer, key="category_id", nullable=False),
    sa.Column("Brand", sa.Unicode(255), key="brand"),
    sa.Column("Description", sa.UnicodeText, key="description", nullable=False),
    sa.Column("Price", sa.Numeric(18, 2, asdecimal=False), key="price", nullable=False),
    sa.Column("Location", sa.Unicode(255), key="location", nullable=False),
    sa.Column("GPSLocation", sa.String(255), key="gps_location"),
    sa.Column("DeliveryMethod", sa.String(50), key="delivery_method"),
    sa.Column("ContactNumber", sa.String(50), key="contact_number", nullable=False),
    sa.Column("EmailAddress", sa.String(255), key="email_address"),
    sa.Column("Status", sa.String(50), key="status", nullable=False),
    sa.Column("CreatedAt", UtcDateTime, key="created_at", nullable=False),
    sa.Column("UpdatedAt", UtcDateTime, key="updated_at", nullable=False),
)

post_images = sa.Table(
    "PostImages",
    metadata,
    sa.Column("ImageID", sa.Integer, key="image_id", primary_key=True),
    sa.Column("PostID", sa.Integer, key="post_id", nullable=False),
    sa.Column("ImageURL", sa.String(500), key="image_url", nullable=False),
    sa.Column("DisplayOrder", sa.Integer, key="display_order", nullable=False),
    sa.Index("IX_PostImages_PostID", "post_id", info={"ours": True}),
)
