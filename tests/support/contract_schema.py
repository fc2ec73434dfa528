"""ReGoods' own schema as section 6 of the contract has it, without anything of ours: what its database looks like."""

SQLITE = """
CREATE TABLE Users (
    UserID INTEGER PRIMARY KEY AUTOINCREMENT, Email VARCHAR(255) NOT NULL, PhoneNumber VARCHAR(50) NOT NULL,
    PaymentsNumber VARCHAR(50), FullName VARCHAR(255) NOT NULL, PasswordHash VARCHAR(255), OAuthProvider VARCHAR(50),
    OAuthProviderId VARCHAR(255), ProfilePictureURL VARCHAR(500), Location VARCHAR(255), Bio TEXT,
    IsEmailVerified BIT NOT NULL DEFAULT 0, IsPhoneVerified BIT NOT NULL DEFAULT 0, IsActive BIT NOT NULL DEFAULT 1,
    IsAdmin BIT NOT NULL DEFAULT 0, CreatedAt DATETIME2 NOT NULL, UpdatedAt DATETIME2 NOT NULL,
    SellerRating DECIMAL(3,2), TotalRatings INT NOT NULL DEFAULT 0, PositiveRatings INT NOT NULL DEFAULT 0
);
CREATE TABLE Posts (
    PostID INTEGER PRIMARY KEY AUTOINCREMENT, UserID INT NOT NULL, Title VARCHAR(255) NOT NULL, CategoryID INT NOT NULL,
    Brand VARCHAR(255), Description TEXT NOT NULL, Price DECIMAL(18,2) NOT NULL, Location VARCHAR(255) NOT NULL,
    GPSLocation VARCHAR(255), DeliveryMethod VARCHAR(50), ContactNumber VARCHAR(50) NOT NULL,
    EmailAddress VARCHAR(255), Status VARCHAR(50) NOT NULL, Views INT NOT NULL DEFAULT 0,
    CreatedAt DATETIME2 NOT NULL, UpdatedAt DATETIME2 NOT NULL
);
CREATE TABLE PostImages (
    ImageID INTEGER PRIMARY KEY AUTOINCREMENT, PostID INT NOT NULL, ImageURL VARCHAR(500) NOT NULL,
    DisplayOrder INT NOT NULL
);
CREATE TABLE Messages (
    MessageID INTEGER PRIMARY KEY AUTOINCREMENT, SenderID INT NOT NULL, RecipientID INT NOT NULL, PostID INT,
    MessageContent TEXT NOT NULL, MessageType VARCHAR(20) NOT NULL DEFAULT 'text', AttachmentURL VARCHAR(500),
    IsReadByRecipient BIT NOT NULL DEFAULT 0, RecipientReadAt DATETIME2, IsReadBySender BIT NOT NULL DEFAULT 1,
    SenderReadAt DATETIME2, IsRead BIT NOT NULL DEFAULT 0, ReadAt DATETIME2, IsDeleted BIT NOT NULL DEFAULT 0,
    DeletedBy INT, IsEdited BIT NOT NULL DEFAULT 0, EditedAt DATETIME2, ParentMessageID INT,
    CreatedAt DATETIME2 NOT NULL DEFAULT CURRENT_TIMESTAMP, UpdatedAt DATETIME2
);
CREATE INDEX IX_Messages_SenderID ON Messages (SenderID);
CREATE INDEX IX_Messages_RecipientID ON Messages (RecipientID);
CREATE INDEX IX_Messages_Conversation ON Messages (SenderID, RecipientID);
CREATE INDEX IX_Messages_PostID ON Messages (PostID);
CREATE INDEX IX_Messages_CreatedAt ON Messages (CreatedAt DESC);
"""

POSTGRESQL = """
CREATE TABLE users (
    user_id SERIAL PRIMARY KEY, email VARCHAR(255) NOT NULL, phone_number VARCHAR(50) NOT NULL,
    payments_number VARCHAR(50), full_name VARCHAR(255) NOT NULL, password_hash VARCHAR(255),
    oauth_provider VARCHAR(50), oauth_provider_id VARCHAR(255), profile_picture_url VARCHAR(500),
    location VARCHAR(255), bio TEXT, is_email_verified BOOLEAN NOT NULL DEFAULT false,
    is_phone_verified BOOLEAN NOT NULL DEFAULT false, is_active BOOLEAN NOT NULL DEFAULT true,
    is_admin BOOLEAN NOT NULL DEFAULT false, created_at TIMESTAMPTZ NOT NULL, updated_at TIMESTAMPTZ NOT NULL,
    seller_rating NUMERIC(3,2), total_ratings INT NOT NULL DEFAULT 0, positive_ratings INT NOT NULL DEFAULT 0
);
CREATE TABLE posts (
    post_id SERIAL PRIMARY KEY, user_id INT NOT NULL, title VARCHAR(255) NOT NULL, category_id INT NOT NULL,
    brand VARCHAR(255), description TEXT NOT NULL, price NUMERIC(18,2) NOT NULL, location VARCHAR(255) NOT NULL,
    gps_location VARCHAR(255), delivery_method VARCHAR(50), contact_number VARCHAR(50) NOT NULL,
    email_address VARCHAR(255), status VARCHAR(50) NOT NULL, views INT NOT NULL DEFAULT 0,
    created_at TIMESTAMPTZ NOT NULL, updated_at TIMESTAMPTZ NOT NULL
);
CREATE TABLE post_images (
    image_id SERIAL PRIMARY KEY, post_id INT NOT NULL, image_url VARCHAR(500) NOT NULL, display_order INT NOT NULL
);
CREATE TABLE messages (
    message_id SERIAL PRIMARY KEY, sender_id INT NOT NULL REFERENCES users, recipient_id INT NOT NULL REFERENCES users,
    post_id INT REFERENCES posts, message_content TEXT NOT NULL, message_type VARCHAR(20) NOT NULL DEFAULT 'text',
    attachment_url VARCHAR(500), is_read_by_recipient BOOLEAN NOT NULL DEFAULT false, recipient_read_at TIMESTAMPTZ,
    is_read_by_sender BOOLEAN NOT NULL DEFAULT true, sender_read_at TIMESTAMPTZ,
    is_read BOOLEAN NOT NULL DEFAULT false, read_at TIMESTAMPTZ, is_deleted BOOLEAN NOT NULL DEFAULT false,
    deleted_by INT, is_edited BOOLEAN NOT NULL DEFAULT false, edited_at TIMESTAMPTZ,
    parent_message_id INT REFERENCES messages, created_at TIMESTAMPTZ NOT NULL DEFAULT now(), updated_at TIMESTAMPTZ
);
"""

SQL_SERVER = (
    SQLITE.replace("INTEGER PRIMARY KEY AUTOINCREMENT", "INT IDENTITY PRIMARY KEY")
    .replace("DEFAULT CURRENT_TIMESTAMP", "DEFAULT SYSUTCDATETIME()")
    .replace("Bio TEXT", "Bio VARCHAR(MAX)")
)
"""With MessageContent as the contract has it: `text`, which holds no Unicode."""


def statements(schema: str) -> list[str]:
    return [statement.strip() for statement in schema.split(";") if statement.strip()]
