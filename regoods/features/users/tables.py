"""ReGoods' own `Users` (contract, section 6); we only read it."""

import sqlalchemy as sa

from regoods.core.database import UtcDateTime, metadata

users = sa.Table(
    "Users",
    metadata,
    sa.Column("UserID", sa.Integer, key="user_id", primary_key=True),
    sa.Column("Email", sa.String(255), key="email", nullable=False),
    sa.Column("PhoneNumber", sa.String(50), key="phone_number", nullable=False),
    sa.Column("PaymentsNumber", sa.String(50), key="payments_number"),
    sa.Column("FullName", sa.Unicode(255), key="full_name", nullable=False),
    sa.Column("PasswordHash", sa.String(255), key="password_hash"),
    sa.Column("OAuthProvider", sa.String(50), key="oauth_provider"),
    sa.Column("OAuthProviderId", sa.String(255), key="oauth_provider_id"),
    sa.Column("ProfilePictureURL", sa.String(500), key="profile_picture_url"),
    sa.Column("Location", sa.Unicode(255), key="location"),
    sa.Column("Bio", sa.UnicodeText, key="bio"),
    sa.Column("IsEmailVerified", sa.Boolean, key="is_email_verified", nullable=False, server_default=sa.false()),
    sa.Column("IsPhoneVerified", sa.Boolean, key="is_phone_verified", nullable=False, server_default=sa.false()),
    sa.Column("IsActive", sa.Boolean, key="is_active", nullable=False, server_default=sa.true()),
    sa.Column("IsAdmin", sa.Boolean, key="is_admin", nullable=False, server_default=sa.false()),
    sa.Column("CreatedAt", UtcDateTime, key="created_at", nullable=False),
    sa.Column("UpdatedAt", UtcDateTime, key="updated_at", nullable=False),
    sa.Column("SellerRating", sa.Numeric(3, 2, asdecimal=False), key="seller_rating"),
    sa.Column("TotalRatings", sa.Integer, key="total_ratings", nullable=False, server_default="0"),
    sa.Column("PositiveRatings", sa.Integer, key="positive_ratings", nullable=False, server_default="0"),
)
