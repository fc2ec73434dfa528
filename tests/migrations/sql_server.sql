-- What ReGoods messaging adds to its database, up to revision 0009. Nothing that is there is
-- changed. Each statement looks whether its thing is there: the text may be run again, and after an error.
-- Run it outside of a transaction: sqlcmd -b -I -i FILE.

SET XACT_ABORT ON;
SET QUOTED_IDENTIFIER ON;
SET ANSI_NULLS ON;
GO

-- 0001: ReGoods' own tables (contract, section 6), on a database that has none of them: for development and tests.

IF OBJECT_ID(N'[Users]', N'U') IS NULL BEGIN CREATE TABLE [Users] ( [UserID] INTEGER NOT NULL IDENTITY, [Email] VARCHAR(255) NOT NULL, [PhoneNumber] VARCHAR(50) NOT NULL, [PaymentsNumber] VARCHAR(50) NULL, [FullName] NVARCHAR(255) NOT NULL, [PasswordHash] VARCHAR(255) NULL, [OAuthProvider] VARCHAR(50) NULL, [OAuthProviderId] VARCHAR(255) NULL, [ProfilePictureURL] VARCHAR(500) NULL, [Location] NVARCHAR(255) NULL, [Bio] NVARCHAR(max) NULL, [IsEmailVerified] BIT NOT NULL DEFAULT 0, [IsPhoneVerified] BIT NOT NULL DEFAULT 0, [IsActive] BIT NOT NULL DEFAULT 1, [IsAdmin] BIT NOT NULL DEFAULT 0, [CreatedAt] DATETIME2 NOT NULL, [UpdatedAt] DATETIME2 NOT NULL, [SellerRating] NUMERIC(3, 2) NULL, [TotalRatings] INTEGER NOT NULL DEFAULT '0', [PositiveRatings] INTEGER NOT NULL DEFAULT '0', PRIMARY KEY ([UserID]) ); END;
GO

IF OBJECT_ID(N'[Posts]', N'U') IS NULL BEGIN CREATE TABLE [Posts] ( [PostID] INTEGER NOT NULL IDENTITY, [UserID] INTEGER NOT NULL, [Title] NVARCHAR(255) NOT NULL, [CategoryID] INTEGER NOT NULL, [Brand] NVARCHAR(255) NULL, [Description] NVARCHAR(max) NOT NULL, [Price] NUMERIC(18, 2) NOT NULL, [Location] NVARCHAR(255) NOT NULL, [GPSLocation] VARCHAR(255) NULL, [DeliveryMethod] VARCHAR(50) NULL, [ContactNumber] VARCHAR(50) NOT NULL, [EmailAddress] VARCHAR(255) NULL, [Status] VARCHAR(50) NOT NULL, [CreatedAt] DATETIME2 NOT NULL, [UpdatedAt] DATETIME2 NOT NULL, PRIMARY KEY ([PostID]) ); END;
GO

IF OBJECT_ID(N'[PostImages]', N'U') IS NULL BEGIN CREATE TABLE [PostImages] ( [ImageID] INTEGER NOT NULL IDENTITY, [PostID] INTEGER NOT NULL, [ImageURL] VARCHAR(500) NOT NULL, [DisplayOrder] INTEGER NOT NULL, PRIMARY KEY ([ImageID]) ); END;
GO

IF OBJECT_ID(N'[Messages]', N'U') IS NULL BEGIN CREATE TABLE [Messages] ( [MessageID] INTEGER NOT NULL IDENTITY, [SenderID] INTEGER NOT NULL, [RecipientID] INTEGER NOT NULL, [PostID] INTEGER NULL, [MessageContent] NVARCHAR(max) NOT NULL, [MessageType] VARCHAR(20) NOT NULL DEFAULT 'text', [AttachmentURL] VARCHAR(500) NULL, [IsReadByRecipient] BIT NOT NULL DEFAULT 0, [RecipientReadAt] DATETIME2 NULL, [IsReadBySender] BIT NOT NULL DEFAULT 1, [SenderReadAt] DATETIME2 NULL, [IsRead] BIT NOT NULL DEFAULT 0, [ReadAt] DATETIME2 NULL, [IsDeleted] BIT NOT NULL DEFAULT 0, [DeletedBy] INTEGER NULL, [IsEdited] BIT NOT NULL DEFAULT 0, [EditedAt] DATETIME2 NULL, [ParentMessageID] INTEGER NULL, [CreatedAt] DATETIME2 NOT NULL DEFAULT SYSUTCDATETIME(), [UpdatedAt] DATETIME2 NULL, PRIMARY KEY ([MessageID]) ); CREATE INDEX [IX_Messages_Conversation] ON [Messages] ([SenderID], [RecipientID]); CREATE INDEX [IX_Messages_CreatedAt] ON [Messages] ([CreatedAt] DESC); CREATE INDEX [IX_Messages_PostID] ON [Messages] ([PostID]); CREATE INDEX [IX_Messages_RecipientID] ON [Messages] ([RecipientID]); CREATE INDEX [IX_Messages_SenderID] ON [Messages] ([SenderID]); END;
GO

-- 0002: The indexes by which lists, threads and unread counts are read without scanning, whatever else is written.

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_Messages_AttachmentURL' AND object_id = OBJECT_ID(N'[Messages]')) CREATE INDEX [IX_Messages_AttachmentURL] ON [Messages] ([AttachmentURL]) WHERE [AttachmentURL] IS NOT NULL;
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_Messages_Received' AND object_id = OBJECT_ID(N'[Messages]')) CREATE INDEX [IX_Messages_Received] ON [Messages] ([RecipientID], [SenderID], [MessageID], [IsDeleted]);
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_Messages_Sent' AND object_id = OBJECT_ID(N'[Messages]')) CREATE INDEX [IX_Messages_Sent] ON [Messages] ([SenderID], [RecipientID], [MessageID], [IsDeleted]);
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_Messages_Unread' AND object_id = OBJECT_ID(N'[Messages]')) CREATE INDEX [IX_Messages_Unread] ON [Messages] ([RecipientID], [SenderID], [MessageID]) WHERE [IsReadByRecipient] = 0 AND [IsRead] = 0 AND [IsDeleted] = 0;
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_PostImages_PostID' AND object_id = OBJECT_ID(N'[PostImages]')) CREATE INDEX [IX_PostImages_PostID] ON [PostImages] ([PostID]);
GO

-- 0003: Which conversations somebody cleared, and up to which message.

IF OBJECT_ID(N'[MessagingClears]', N'U') IS NULL BEGIN CREATE TABLE [MessagingClears] ( [UserID] INTEGER NOT NULL, [PartnerID] INTEGER NOT NULL, [ClearedUpTo] INTEGER NOT NULL, [ClearedAt] DATETIME2 NOT NULL, PRIMARY KEY ([UserID], [PartnerID]) ); END;
GO

-- 0004: The log of each user's events, by which a client catches up.

IF OBJECT_ID(N'[MessagingEvents]', N'U') IS NULL BEGIN CREATE TABLE [MessagingEvents] ( [EventID] BIGINT NOT NULL IDENTITY, [UserID] INTEGER NOT NULL, [Seq] INTEGER NOT NULL, [Event] NVARCHAR(max) NOT NULL, [CreatedAt] DATETIME2 NOT NULL, PRIMARY KEY ([EventID]) ); END;
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_MessagingEvents_User' AND object_id = OBJECT_ID(N'[MessagingEvents]')) CREATE UNIQUE INDEX [IX_MessagingEvents_User] ON [MessagingEvents] ([UserID], [Seq]);
GO

IF OBJECT_ID(N'[MessagingCursors]', N'U') IS NULL BEGIN CREATE TABLE [MessagingCursors] ( [UserID] INTEGER NOT NULL, [Latest] INTEGER NOT NULL, PRIMARY KEY ([UserID]) ); END;
GO

IF OBJECT_ID(N'[MessagingLogged]', N'U') IS NULL BEGIN CREATE TABLE [MessagingLogged] ( [MessageID] INTEGER NOT NULL, PRIMARY KEY ([MessageID]) ); END;
GO

-- 0005: Keys under which clients send a message once.

IF OBJECT_ID(N'[MessagingKeys]', N'U') IS NULL BEGIN CREATE TABLE [MessagingKeys] ( [UserID] INTEGER NOT NULL, [KeyDigest] BIGINT NOT NULL, [BodyDigest] BIGINT NOT NULL, [MessageID] INTEGER NOT NULL, [CreatedAt] DATETIME2 NOT NULL, PRIMARY KEY ([UserID], [KeyDigest]) ); END;
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_MessagingKeys_CreatedAt' AND object_id = OBJECT_ID(N'[MessagingKeys]')) CREATE INDEX [IX_MessagingKeys_CreatedAt] ON [MessagingKeys] ([CreatedAt]);
GO

-- 0006: Who blocks whom.

IF OBJECT_ID(N'[MessagingBlocks]', N'U') IS NULL BEGIN CREATE TABLE [MessagingBlocks] ( [UserID] INTEGER NOT NULL, [BlockedID] INTEGER NOT NULL, [CreatedAt] DATETIME2 NOT NULL, PRIMARY KEY ([UserID], [BlockedID]) ); END;
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_MessagingBlocks_BlockedID' AND object_id = OBJECT_ID(N'[MessagingBlocks]')) CREATE INDEX [IX_MessagingBlocks_BlockedID] ON [MessagingBlocks] ([BlockedID], [UserID]);
GO

-- 0007: Who uploaded what, and an index by which a picture's messages are found.

IF OBJECT_ID(N'[MessagingUploads]', N'U') IS NULL BEGIN CREATE TABLE [MessagingUploads] ( [UploadID] INTEGER NOT NULL IDENTITY, [UserID] INTEGER NOT NULL, [URL] VARCHAR(500) NULL, [IsRefused] BIT NOT NULL, [CreatedAt] DATETIME2 NOT NULL, [CheckAt] DATETIME2 NOT NULL, PRIMARY KEY ([UploadID]) ); END;
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_MessagingUploads_CheckAt' AND object_id = OBJECT_ID(N'[MessagingUploads]')) CREATE INDEX [IX_MessagingUploads_CheckAt] ON [MessagingUploads] ([CheckAt]);
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_MessagingUploads_URL' AND object_id = OBJECT_ID(N'[MessagingUploads]')) CREATE INDEX [IX_MessagingUploads_URL] ON [MessagingUploads] ([URL]);
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_MessagingUploads_UserID' AND object_id = OBJECT_ID(N'[MessagingUploads]')) CREATE INDEX [IX_MessagingUploads_UserID] ON [MessagingUploads] ([UserID], [CreatedAt]);
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_Messages_AttachmentURL' AND object_id = OBJECT_ID(N'[Messages]')) CREATE INDEX [IX_Messages_AttachmentURL] ON [Messages] ([AttachmentURL]) WHERE [AttachmentURL] IS NOT NULL;
GO

-- The revision that the database has now

IF OBJECT_ID(N'messaging_migrations', N'U') IS NULL CREATE TABLE messaging_migrations (version_num VARCHAR(32) NOT NULL, CONSTRAINT messaging_migrations_pkc PRIMARY KEY (version_num));
GO

DELETE FROM messaging_migrations;
GO

INSERT INTO messaging_migrations (version_num) VALUES ('0009');
GO
