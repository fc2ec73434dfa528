-- attachments._of_user
SELECT [MessagingUploads].[IsRefused], [MessagingUploads].[CreatedAt]
FROM [MessagingUploads]
WHERE [MessagingUploads].[UserID] = :user_id AND [MessagingUploads].[CreatedAt] > :since ORDER BY [MessagingUploads].[CreatedAt]

-- attachments._begin
INSERT INTO [MessagingUploads] ([UserID], [IsRefused], [CreatedAt], [CheckAt]) VALUES (:user_id, :is_refused, :created_at, :check_at)

-- attachments._store
UPDATE [MessagingUploads] SET [URL]=:url, [CheckAt]=:check_at WHERE [MessagingUploads].[UploadID] = :id

-- attachments._refuse
UPDATE [MessagingUploads] SET [IsRefused]=:is_refused, [CheckAt]=:check_at WHERE [MessagingUploads].[UploadID] = :id

-- attachments._check
UPDATE [MessagingUploads] SET [CheckAt]=:check_at WHERE [MessagingUploads].[UploadID] = :id AND [MessagingUploads].[CheckAt] BETWEEN :earliest AND :latest

-- attachments._check_of_message
UPDATE [MessagingUploads] SET [CheckAt]=:check_at WHERE [MessagingUploads].[URL] = (SELECT [Messages].[AttachmentURL] COLLATE DATABASE_DEFAULT AS anon_1
FROM [Messages]
WHERE [Messages].[MessageID] = :id)

-- attachments._due
SELECT TOP 1 [MessagingUploads].[UploadID], [MessagingUploads].[URL], [MessagingUploads].[CreatedAt], [MessagingUploads].[CheckAt], (SELECT min([Messages].[MessageID]) AS min_1
FROM [Messages]
WHERE [Messages].[AttachmentURL] = ([MessagingUploads].[URL] COLLATE DATABASE_DEFAULT) AND [Messages].[IsDeleted] = 0) AS used_by
FROM [MessagingUploads]
WHERE [MessagingUploads].[CheckAt] <= :check_at ORDER BY [MessagingUploads].[CheckAt]

-- attachments._remove
DELETE FROM [MessagingUploads] WHERE [MessagingUploads].[UploadID] = :id

-- attachments._remove_due
DELETE FROM [MessagingUploads] WHERE [MessagingUploads].[UploadID] = :id AND [MessagingUploads].[CheckAt] BETWEEN :earliest AND :latest

-- blocks._insert
INSERT INTO [MessagingBlocks] ([UserID], [BlockedID], [CreatedAt]) SELECT :me AS anon_1, :other AS anon_2, :now AS anon_3
WHERE NOT (EXISTS (SELECT *
FROM [MessagingBlocks]
WHERE [MessagingBlocks].[UserID] = :me AND [MessagingBlocks].[BlockedID] = :other))

-- blocks._delete
DELETE FROM [MessagingBlocks] WHERE [MessagingBlocks].[UserID] = :me AND [MessagingBlocks].[BlockedID] = :other

-- blocks._blocked_at
SELECT [MessagingBlocks].[CreatedAt]
FROM [MessagingBlocks]
WHERE [MessagingBlocks].[UserID] = :me AND [MessagingBlocks].[BlockedID] = :other

-- blocks._page
SELECT [MessagingBlocks].[BlockedID], [MessagingBlocks].[CreatedAt], [Users].[FullName], [Users].[ProfilePictureURL]
FROM [MessagingBlocks] LEFT OUTER JOIN [Users] ON [Users].[UserID] = [MessagingBlocks].[BlockedID]
WHERE [MessagingBlocks].[UserID] = :me ORDER BY [MessagingBlocks].[CreatedAt] DESC, [MessagingBlocks].[BlockedID] DESC
 OFFSET :offset ROWS
 FETCH FIRST :limit ROWS ONLY

-- blocks._count
SELECT count(*) AS count_1
FROM [MessagingBlocks]
WHERE [MessagingBlocks].[UserID] = :me

-- conversations._previews
WITH kept AS
(SELECT sent_newest.partner_id AS partner_id, sent_newest.message_id AS message_id
FROM (SELECT [Messages].[RecipientID] AS partner_id, max([Messages].[MessageID]) AS message_id
FROM [Messages]
WHERE [Messages].[SenderID] = :me AND [Messages].[IsDeleted] = 0 GROUP BY [Messages].[RecipientID]) AS sent_newest
WHERE NOT (EXISTS (SELECT *
FROM [MessagingClears]
WHERE [MessagingClears].[UserID] = :me)) OR NOT (EXISTS (SELECT *
FROM [MessagingClears]
WHERE [MessagingClears].[UserID] = :me AND [MessagingClears].[PartnerID] IN (sent_newest.partner_id, -sent_newest.partner_id) AND [MessagingClears].[ClearedUpTo] >= sent_newest.message_id)) UNION ALL SELECT received_newest.partner_id AS partner_id, received_newest.message_id AS message_id
FROM (SELECT [Messages].[SenderID] AS partner_id, max([Messages].[MessageID]) AS message_id
FROM [Messages]
WHERE [Messages].[RecipientID] = :me AND [Messages].[IsDeleted] = 0 GROUP BY [Messages].[SenderID]) AS received_newest
WHERE NOT (EXISTS (SELECT *
FROM [MessagingClears]
WHERE [MessagingClears].[UserID] = :me)) OR NOT (EXISTS (SELECT *
FROM [MessagingClears]
WHERE [MessagingClears].[UserID] = :me AND [MessagingClears].[PartnerID] IN (received_newest.partner_id) AND [MessagingClears].[ClearedUpTo] >= received_newest.message_id))),
visible AS
(SELECT kept.partner_id AS partner_id, max(kept.message_id) AS last_id
FROM kept GROUP BY kept.partner_id),
numbered AS
(SELECT visible.partner_id AS partner_id, visible.last_id AS last_id, row_number() OVER (ORDER BY visible.last_id DESC) AS position, count(*) OVER () AS total
FROM visible),
page AS
(SELECT numbered.partner_id AS partner_id, numbered.last_id AS last_id, numbered.position AS position, numbered.total AS total
FROM numbered
WHERE numbered.position > :offset AND numbered.position <= :end)
 SELECT page.partner_id, page.total, (SELECT count(*) AS count_1
FROM [Messages] AS other
WHERE other.[RecipientID] = :me AND other.[SenderID] = page.partner_id AND other.[MessageID] + :message_id_1 > coalesce([MessagingClears].[ClearedUpTo], :coalesce_1) AND other.[IsReadByRecipient] = 0 AND other.[IsRead] = 0 AND other.[IsDeleted] = 0) AS unread, [Users].[FullName], [Users].[ProfilePictureURL], [Messages].[MessageContent], [Messages].[CreatedAt], [Messages].[SenderID], [Messages].[PostID], [Posts].[Title]
FROM page JOIN [Messages] ON [Messages].[MessageID] = page.last_id LEFT OUTER JOIN [MessagingClears] ON [MessagingClears].[UserID] = :me AND [MessagingClears].[PartnerID] = page.partner_id LEFT OUTER JOIN [Users] ON [Users].[UserID] = page.partner_id LEFT OUTER JOIN [Posts] ON [Posts].[PostID] = [Messages].[PostID] ORDER BY page.position

-- conversations._partners
WITH kept AS
(SELECT sent_newest.partner_id AS partner_id, sent_newest.message_id AS message_id
FROM (SELECT [Messages].[RecipientID] AS partner_id, max([Messages].[MessageID]) AS message_id
FROM [Messages]
WHERE [Messages].[SenderID] = :me AND [Messages].[IsDeleted] = 0 GROUP BY [Messages].[RecipientID]) AS sent_newest
WHERE NOT (EXISTS (SELECT *
FROM [MessagingClears]
WHERE [MessagingClears].[UserID] = :me)) OR NOT (EXISTS (SELECT *
FROM [MessagingClears]
WHERE [MessagingClears].[UserID] = :me AND [MessagingClears].[PartnerID] IN (sent_newest.partner_id, -sent_newest.partner_id) AND [MessagingClears].[ClearedUpTo] >= sent_newest.message_id)) UNION ALL SELECT received_newest.partner_id AS partner_id, received_newest.message_id AS message_id
FROM (SELECT [Messages].[SenderID] AS partner_id, max([Messages].[MessageID]) AS message_id
FROM [Messages]
WHERE [Messages].[RecipientID] = :me AND [Messages].[IsDeleted] = 0 GROUP BY [Messages].[SenderID]) AS received_newest
WHERE NOT (EXISTS (SELECT *
FROM [MessagingClears]
WHERE [MessagingClears].[UserID] = :me)) OR NOT (EXISTS (SELECT *
FROM [MessagingClears]
WHERE [MessagingClears].[UserID] = :me AND [MessagingClears].[PartnerID] IN (received_newest.partner_id) AND [MessagingClears].[ClearedUpTo] >= received_newest.message_id)))
 SELECT count(*) AS count_1
FROM (SELECT kept.partner_id AS partner_id, max(kept.message_id) AS last_id
FROM kept GROUP BY kept.partner_id) AS visible

-- conversations._unread_count
SELECT (SELECT count(*) AS count_1
FROM [Messages]
WHERE [Messages].[RecipientID] = :me AND [Messages].[IsReadByRecipient] = 0 AND [Messages].[IsRead] = 0 AND [Messages].[IsDeleted] = 0) - (SELECT count(*) AS count_1
FROM [Messages] JOIN [MessagingClears] ON [MessagingClears].[UserID] = :me AND [MessagingClears].[PartnerID] = [Messages].[SenderID] AND [MessagingClears].[ClearedUpTo] >= [Messages].[MessageID]
WHERE [Messages].[RecipientID] = :me AND [Messages].[IsReadByRecipient] = 0 AND [Messages].[IsRead] = 0 AND [Messages].[IsDeleted] = 0) AS count

-- conversations._unread_ids
SELECT [Messages].[MessageID]
FROM [Messages]
WHERE [Messages].[SenderID] = :partner AND [Messages].[RecipientID] = :me AND [Messages].[MessageID] + :message_id_1 > :cleared AND [Messages].[IsReadByRecipient] = 0 AND [Messages].[IsRead] = 0 AND [Messages].[IsDeleted] = 0 ORDER BY [Messages].[MessageID]

-- conversations._mark_received
UPDATE [Messages] SET [IsReadByRecipient]=:is_read_by_recipient, [RecipientReadAt]=:now, [IsRead]=:is_read, [ReadAt]=:now, [UpdatedAt]=:now WHERE [Messages].[SenderID] = :partner AND [Messages].[RecipientID] = :me AND [Messages].[MessageID] + :message_id_1 > :cleared AND [Messages].[IsReadByRecipient] = 0 AND [Messages].[IsRead] = 0 AND [Messages].[IsDeleted] = 0 AND [Messages].[MessageID] <= :last

-- conversations._mark_sent
UPDATE [Messages] SET [IsReadBySender]=:is_read_by_sender, [SenderReadAt]=:now, [UpdatedAt]=:now WHERE [Messages].[SenderID] = :me AND [Messages].[RecipientID] = :partner AND [Messages].[IsReadBySender] = 0 AND [Messages].[IsDeleted] = 0

-- conversations._cleared_up_to
SELECT [MessagingClears].[PartnerID], [MessagingClears].[ClearedUpTo]
FROM [MessagingClears]
WHERE [MessagingClears].[UserID] = :me AND [MessagingClears].[PartnerID] IN (:partner, :sent)

-- conversations._clear_again
UPDATE [MessagingClears] SET [ClearedUpTo]=:last, [ClearedAt]=:now WHERE [MessagingClears].[UserID] = :me AND [MessagingClears].[PartnerID] = :partner

-- conversations._clear
INSERT INTO [MessagingClears] ([UserID], [PartnerID], [ClearedUpTo], [ClearedAt]) VALUES (:me, :partner, :last, :now)

-- conversations._newest_between
SELECT (SELECT max([Messages].[MessageID]) AS max_1
FROM [Messages]
WHERE [Messages].[SenderID] = :me AND [Messages].[RecipientID] = :partner) AS sent, (SELECT max([Messages].[MessageID]) AS max_2
FROM [Messages]
WHERE [Messages].[SenderID] = :partner AND [Messages].[RecipientID] = :me) AS received

-- conversations._in_touch
SELECT :param_1 AS one
WHERE ((EXISTS (SELECT *
FROM [Messages]
WHERE [Messages].[SenderID] = :me AND [Messages].[RecipientID] = :partner AND [Messages].[IsDeleted] = 0)) OR (EXISTS (SELECT *
FROM [Messages]
WHERE [Messages].[SenderID] = :partner AND [Messages].[RecipientID] = :me AND [Messages].[IsDeleted] = 0))) AND NOT ((EXISTS (SELECT *
FROM [MessagingBlocks]
WHERE [MessagingBlocks].[UserID] = :me AND [MessagingBlocks].[BlockedID] = :partner)) OR (EXISTS (SELECT *
FROM [MessagingBlocks]
WHERE [MessagingBlocks].[UserID] = :partner AND [MessagingBlocks].[BlockedID] = :me)))

-- demo_data._highest
SELECT max([Users].[UserID]) AS max_1
FROM [Users]

-- erasure._messages
SELECT [Messages].[MessageID], [Messages].[RecipientID], [Messages].[IsDeleted]
FROM [Messages]
WHERE [Messages].[SenderID] = :user AND ([Messages].[IsDeleted] = 0 OR [Messages].[AttachmentURL] IS NOT NULL OR datalength([Messages].[MessageContent]) > :datalength_1) AND [Messages].[MessageID] > :after ORDER BY [Messages].[MessageID]
 OFFSET 0 ROWS
 FETCH FIRST :limit ROWS ONLY

-- erasure._count_messages
SELECT count(*) AS counted
FROM [Messages]
WHERE [Messages].[SenderID] = :user AND ([Messages].[IsDeleted] = 0 OR [Messages].[AttachmentURL] IS NOT NULL OR datalength([Messages].[MessageContent]) > :datalength_1)

-- erasure._blank
UPDATE [Messages] SET [MessageContent]=:message_content, [AttachmentURL]=:attachment_url, [IsDeleted]=:is_deleted, [DeletedBy]=coalesce([Messages].[DeletedBy], :user), [UpdatedAt]=:now WHERE [Messages].[MessageID] = :id

-- erasure._partners
SELECT [Messages].[RecipientID] AS user_id
FROM [Messages]
WHERE [Messages].[SenderID] = :user AND [Messages].[RecipientID] != :user UNION SELECT [Messages].[SenderID]
FROM [Messages]
WHERE [Messages].[RecipientID] = :user AND [Messages].[SenderID] != :user

-- erasure._mentions
SELECT [MessagingEvents].[Seq], [MessagingEvents].[Event]
FROM [MessagingEvents]
WHERE [MessagingEvents].[UserID] = :partner AND [MessagingEvents].[Seq] > :after AND ([MessagingEvents].[Event] LIKE :as_sender OR [MessagingEvents].[Event] LIKE :as_recipient) ORDER BY [MessagingEvents].[Seq]
 OFFSET 0 ROWS
 FETCH FIRST :limit ROWS ONLY

-- erasure._rewrite
UPDATE [MessagingEvents] SET [Event]=:json WHERE [MessagingEvents].[UserID] = :partner AND [MessagingEvents].[Seq] = :number

-- erasure._count_log
SELECT count(*) AS counted
FROM [MessagingEvents]
WHERE [MessagingEvents].[UserID] = :user

-- erasure._delete_log
DELETE FROM [MessagingEvents] WHERE [MessagingEvents].[UserID] = :user AND [MessagingEvents].[Seq] <= :number

-- erasure._delete_cursor
DELETE FROM [MessagingCursors] WHERE [MessagingCursors].[UserID] = :user

-- erasure._count_own[idempotency keys]
SELECT count(*) AS counted
FROM [MessagingKeys]
WHERE [MessagingKeys].[UserID] = :user

-- erasure._count_own[blocks]
SELECT count(*) AS counted
FROM [MessagingBlocks]
WHERE [MessagingBlocks].[UserID] = :user

-- erasure._count_own[cleared conversations]
SELECT count(*) AS counted
FROM [MessagingClears]
WHERE [MessagingClears].[UserID] = :user

-- erasure._delete_own[idempotency keys]
DELETE FROM [MessagingKeys] WHERE [MessagingKeys].[UserID] = :user

-- erasure._delete_own[blocks]
DELETE FROM [MessagingBlocks] WHERE [MessagingBlocks].[UserID] = :user

-- erasure._delete_own[cleared conversations]
DELETE FROM [MessagingClears] WHERE [MessagingClears].[UserID] = :user

-- erasure._uploads
SELECT [MessagingUploads].[UploadID], [MessagingUploads].[URL], [MessagingUploads].[CreatedAt], (SELECT min([Messages].[MessageID]) AS min_1
FROM [Messages]
WHERE [Messages].[AttachmentURL] = ([MessagingUploads].[URL] COLLATE DATABASE_DEFAULT) AND [Messages].[IsDeleted] = 0 AND [Messages].[SenderID] != :user) AS used_by
FROM [MessagingUploads]
WHERE [MessagingUploads].[UserID] = :user AND [MessagingUploads].[UploadID] > :after ORDER BY [MessagingUploads].[UploadID]
 OFFSET 0 ROWS
 FETCH FIRST :limit ROWS ONLY

-- erasure._count_uploads
SELECT count(*) AS counted
FROM [MessagingUploads]
WHERE [MessagingUploads].[UserID] = :user

-- erasure._disown
UPDATE [MessagingUploads] SET [UserID]=:user_id WHERE [MessagingUploads].[UploadID] = :id

-- erasure._remove_unstored
DELETE FROM [MessagingUploads] WHERE [MessagingUploads].[UploadID] = :id AND [MessagingUploads].[URL] IS NULL

-- erasure._leave_to_sweep
UPDATE [MessagingUploads] SET [UserID]=:user_id, [CheckAt]=:check_at WHERE [MessagingUploads].[UploadID] = :id

-- messages._correspondents
SELECT [Users].[UserID], [Users].[FullName], [Users].[ProfilePictureURL], [Users].[IsActive], CASE WHEN ((EXISTS (SELECT *
FROM [MessagingBlocks]
WHERE [MessagingBlocks].[UserID] = :sender AND [MessagingBlocks].[BlockedID] = :recipient)) OR (EXISTS (SELECT *
FROM [MessagingBlocks]
WHERE [MessagingBlocks].[UserID] = :recipient AND [MessagingBlocks].[BlockedID] = :sender))) THEN 1 ELSE 0 END AS is_blocked
FROM [Users]
WHERE [Users].[UserID] = :sender OR [Users].[UserID] = :recipient

-- messages._insert
INSERT INTO [Messages] ([SenderID], [RecipientID], [PostID], [MessageContent], [MessageType], [AttachmentURL], [IsReadByRecipient], [IsReadBySender], [IsRead], [IsDeleted], [IsEdited], [ParentMessageID], [CreatedAt], [UpdatedAt]) VALUES (:sender_id, :recipient_id, :post_id, :message_content, :message_type, :attachment_url, :is_read_by_recipient, :is_read_by_sender, :is_read, :is_deleted, :is_edited, :parent_message_id, :now, :now)

-- messages._several
SELECT [Messages].[MessageID], [Messages].[SenderID], [Messages].[RecipientID], [Messages].[PostID], [Messages].[MessageContent], [Messages].[MessageType], [Messages].[AttachmentURL], [Messages].[IsReadByRecipient], [Messages].[RecipientReadAt], [Messages].[IsReadBySender], [Messages].[SenderReadAt], [Messages].[IsRead], [Messages].[ReadAt], [Messages].[IsDeleted], [Messages].[DeletedBy], [Messages].[IsEdited], [Messages].[EditedAt], [Messages].[ParentMessageID], [Messages].[CreatedAt], [Messages].[UpdatedAt], sender.[FullName] AS sender_name, sender.[ProfilePictureURL] AS sender_picture, recipient.[FullName] AS recipient_name, recipient.[ProfilePictureURL] AS recipient_picture, [Posts].[Title] AS post_title, [Posts].[Price] AS post_price, [Posts].[Status] AS post_status, (SELECT TOP 1 [PostImages].[ImageURL]
FROM [PostImages]
WHERE [PostImages].[PostID] = [Messages].[PostID] ORDER BY [PostImages].[DisplayOrder], [PostImages].[ImageID]) AS post_image
FROM [Messages] LEFT OUTER JOIN [Users] AS sender ON sender.[UserID] = [Messages].[SenderID] LEFT OUTER JOIN [Users] AS recipient ON recipient.[UserID] = [Messages].[RecipientID] LEFT OUTER JOIN [Posts] ON [Posts].[PostID] = [Messages].[PostID]
WHERE [Messages].[MessageID] IN (:id0, :id1, :id2, :id3, :id4, :id5, :id6, :id7, :id8, :id9, :id10, :id11, :id12, :id13, :id14, :id15, :id16, :id17, :id18, :id19, :id20, :id21, :id22, :id23, :id24, :id25, :id26, :id27, :id28, :id29, :id30, :id31, :id32, :id33, :id34, :id35, :id36, :id37, :id38, :id39, :id40, :id41, :id42, :id43, :id44, :id45, :id46, :id47, :id48, :id49, :id50, :id51, :id52, :id53, :id54, :id55, :id56, :id57, :id58, :id59, :id60, :id61, :id62, :id63, :id64, :id65, :id66, :id67, :id68, :id69, :id70, :id71, :id72, :id73, :id74, :id75, :id76, :id77, :id78, :id79, :id80, :id81, :id82, :id83, :id84, :id85, :id86, :id87, :id88, :id89, :id90, :id91, :id92, :id93, :id94, :id95, :id96, :id97, :id98, :id99)

-- messages._one
SELECT [Messages].[MessageID], [Messages].[SenderID], [Messages].[RecipientID], [Messages].[PostID], [Messages].[MessageContent], [Messages].[MessageType], [Messages].[AttachmentURL], [Messages].[IsReadByRecipient], [Messages].[RecipientReadAt], [Messages].[IsReadBySender], [Messages].[SenderReadAt], [Messages].[IsRead], [Messages].[ReadAt], [Messages].[IsDeleted], [Messages].[DeletedBy], [Messages].[IsEdited], [Messages].[EditedAt], [Messages].[ParentMessageID], [Messages].[CreatedAt], [Messages].[UpdatedAt], sender.[FullName] AS sender_name, sender.[ProfilePictureURL] AS sender_picture, recipient.[FullName] AS recipient_name, recipient.[ProfilePictureURL] AS recipient_picture, [Posts].[Title] AS post_title, [Posts].[Price] AS post_price, [Posts].[Status] AS post_status, (SELECT TOP 1 [PostImages].[ImageURL]
FROM [PostImages]
WHERE [PostImages].[PostID] = [Messages].[PostID] ORDER BY [PostImages].[DisplayOrder], [PostImages].[ImageID]) AS post_image
FROM [Messages] LEFT OUTER JOIN [Users] AS sender ON sender.[UserID] = [Messages].[SenderID] LEFT OUTER JOIN [Users] AS recipient ON recipient.[UserID] = [Messages].[RecipientID] LEFT OUTER JOIN [Posts] ON [Posts].[PostID] = [Messages].[PostID]
WHERE [Messages].[MessageID] = :id

-- messages._facts
SELECT [Messages].[MessageID], [Messages].[SenderID], [Messages].[RecipientID], [Messages].[MessageType], [Messages].[IsDeleted], [Messages].[CreatedAt], CASE WHEN ((EXISTS (SELECT *
FROM [MessagingBlocks]
WHERE [MessagingBlocks].[UserID] = [Messages].[SenderID] AND [MessagingBlocks].[BlockedID] = [Messages].[RecipientID])) OR (EXISTS (SELECT *
FROM [MessagingBlocks]
WHERE [MessagingBlocks].[UserID] = [Messages].[RecipientID] AND [MessagingBlocks].[BlockedID] = [Messages].[SenderID]))) THEN 1 ELSE 0 END AS is_blocked
FROM [Messages]
WHERE [Messages].[MessageID] = :id

-- messages._find_key
SELECT [MessagingKeys].[BodyDigest], [MessagingKeys].[MessageID]
FROM [MessagingKeys]
WHERE [MessagingKeys].[UserID] = :user AND [MessagingKeys].[KeyDigest] = :key AND [MessagingKeys].[CreatedAt] > :now

-- messages._drop_key
DELETE FROM [MessagingKeys] WHERE [MessagingKeys].[UserID] = :user AND [MessagingKeys].[KeyDigest] = :key AND [MessagingKeys].[CreatedAt] <= :since

-- messages._keep_key
INSERT INTO [MessagingKeys] ([UserID], [KeyDigest], [BodyDigest], [MessageID], [CreatedAt]) VALUES (:user, :key, :body, :id, :now)

-- messages._delete_keys
DELETE FROM [MessagingKeys] WHERE [MessagingKeys].[CreatedAt] <= :now

-- messages._mark_recipient
UPDATE [Messages] SET [IsReadByRecipient]=:is_read_by_recipient, [RecipientReadAt]=:now, [IsRead]=:is_read, [ReadAt]=:now, [UpdatedAt]=:now WHERE [Messages].[MessageID] = :id AND [Messages].[IsReadByRecipient] = 0 AND [Messages].[IsRead] = 0 AND [Messages].[IsDeleted] = 0

-- messages._mark_sender
UPDATE [Messages] SET [IsReadBySender]=:is_read_by_sender, [SenderReadAt]=:now, [UpdatedAt]=:now WHERE [Messages].[MessageID] = :id

-- messages._edit
UPDATE [Messages] SET [MessageContent]=:content, [IsEdited]=:is_edited, [EditedAt]=:now, [UpdatedAt]=:now WHERE [Messages].[MessageID] = :id AND [Messages].[IsDeleted] = 0

-- messages._delete
UPDATE [Messages] SET [IsDeleted]=:is_deleted, [DeletedBy]=:deleted_by, [UpdatedAt]=:now WHERE [Messages].[MessageID] = :id AND [Messages].[IsDeleted] = 0

-- posts._one
SELECT [Posts].[PostID], [Posts].[Title], [Posts].[Price], [Posts].[Status], (SELECT TOP 1 [PostImages].[ImageURL]
FROM [PostImages]
WHERE [PostImages].[PostID] = [Posts].[PostID] ORDER BY [PostImages].[DisplayOrder], [PostImages].[ImageID]) AS image_url
FROM [Posts]
WHERE [Posts].[PostID] = :post_id

-- posts._owner
SELECT [Posts].[UserID]
FROM [Posts]
WHERE [Posts].[PostID] = :post_id

-- presence._partners
WITH partners AS
(SELECT [Messages].[RecipientID] AS user_id
FROM [Messages]
WHERE [Messages].[SenderID] = :me AND [Messages].[IsDeleted] = 0 UNION SELECT [Messages].[SenderID] AS user_id
FROM [Messages]
WHERE [Messages].[RecipientID] = :me AND [Messages].[IsDeleted] = 0)
 SELECT partners.user_id
FROM partners
WHERE partners.user_id != :me AND (partners.user_id NOT IN (SELECT [MessagingBlocks].[BlockedID] AS user_id
FROM [MessagingBlocks]
WHERE [MessagingBlocks].[UserID] = :me UNION ALL SELECT [MessagingBlocks].[UserID]
FROM [MessagingBlocks]
WHERE [MessagingBlocks].[BlockedID] = :me))

-- presence._known
SELECT [Users].[UserID]
FROM [Users]
WHERE [Users].[UserID] IN (:id0, :id1, :id2, :id3, :id4, :id5, :id6, :id7, :id8, :id9, :id10, :id11, :id12, :id13, :id14, :id15, :id16, :id17, :id18, :id19, :id20, :id21, :id22, :id23, :id24, :id25, :id26, :id27, :id28, :id29, :id30, :id31, :id32, :id33, :id34, :id35, :id36, :id37, :id38, :id39, :id40, :id41, :id42, :id43, :id44, :id45, :id46, :id47, :id48, :id49, :id50, :id51, :id52, :id53, :id54, :id55, :id56, :id57, :id58, :id59, :id60, :id61, :id62, :id63, :id64, :id65, :id66, :id67, :id68, :id69, :id70, :id71, :id72, :id73, :id74, :id75, :id76, :id77, :id78, :id79, :id80, :id81, :id82, :id83, :id84, :id85, :id86, :id87, :id88, :id89, :id90, :id91, :id92, :id93, :id94, :id95, :id96, :id97, :id98, :id99) AND ((EXISTS (SELECT *
FROM [Messages]
WHERE [Messages].[SenderID] = :me AND [Messages].[RecipientID] = [Users].[UserID] AND [Messages].[IsDeleted] = 0)) OR (EXISTS (SELECT *
FROM [Messages]
WHERE [Messages].[SenderID] = [Users].[UserID] AND [Messages].[RecipientID] = :me AND [Messages].[IsDeleted] = 0))) AND ([Users].[UserID] NOT IN (SELECT [MessagingBlocks].[BlockedID] AS user_id
FROM [MessagingBlocks]
WHERE [MessagingBlocks].[UserID] = :me UNION ALL SELECT [MessagingBlocks].[UserID]
FROM [MessagingBlocks]
WHERE [MessagingBlocks].[BlockedID] = :me))

-- search._reaches[False]
SELECT count(*) AS messages, min(newest.[MessageID]) AS lowest, max(newest.[MessageID]) AS highest
FROM (SELECT halves.[MessageID] AS [MessageID]
FROM (SELECT anon_1.[MessageID] AS [MessageID]
FROM (SELECT [Messages].[MessageID] AS [MessageID]
FROM [Messages]
WHERE [Messages].[SenderID] = :me AND [Messages].[MessageID] < :before AND [Messages].[MessageID] > :above ORDER BY [Messages].[MessageID] DESC
 OFFSET :param_1 ROWS
 FETCH FIRST :window ROWS ONLY) AS anon_1 UNION ALL SELECT anon_2.[MessageID] AS [MessageID]
FROM (SELECT [Messages].[MessageID] AS [MessageID]
FROM [Messages]
WHERE [Messages].[RecipientID] = :me AND [Messages].[SenderID] != [Messages].[RecipientID] AND [Messages].[MessageID] < :before AND [Messages].[MessageID] > :above ORDER BY [Messages].[MessageID] DESC
 OFFSET :param_2 ROWS
 FETCH FIRST :window ROWS ONLY) AS anon_2) AS halves ORDER BY halves.[MessageID] DESC
 OFFSET :param_3 ROWS
 FETCH FIRST :window ROWS ONLY) AS newest

-- search._reaches[True]
SELECT count(*) AS messages, min(newest.[MessageID]) AS lowest, max(newest.[MessageID]) AS highest
FROM (SELECT halves.[MessageID] AS [MessageID]
FROM (SELECT anon_1.[MessageID] AS [MessageID]
FROM (SELECT [Messages].[MessageID] AS [MessageID]
FROM [Messages]
WHERE [Messages].[SenderID] = :me AND [Messages].[RecipientID] = :partner AND [Messages].[MessageID] < :before AND [Messages].[MessageID] > :above ORDER BY [Messages].[MessageID] DESC
 OFFSET :param_1 ROWS
 FETCH FIRST :window ROWS ONLY) AS anon_1 UNION ALL SELECT anon_2.[MessageID] AS [MessageID]
FROM (SELECT [Messages].[MessageID] AS [MessageID]
FROM [Messages]
WHERE [Messages].[RecipientID] = :me AND [Messages].[SenderID] = :partner AND [Messages].[SenderID] != [Messages].[RecipientID] AND [Messages].[MessageID] < :before AND [Messages].[MessageID] > :above ORDER BY [Messages].[MessageID] DESC
 OFFSET :param_2 ROWS
 FETCH FIRST :window ROWS ONLY) AS anon_2) AS halves ORDER BY halves.[MessageID] DESC
 OFFSET :param_3 ROWS
 FETCH FIRST :window ROWS ONLY) AS newest

-- search._matching_owns[False]
SELECT own.[MessageID], own.[MessageContent]
FROM (SELECT halves.[MessageID] AS [MessageID], halves.[MessageContent] AS [MessageContent]
FROM (SELECT anon_1.[MessageID] AS [MessageID], anon_1.[MessageContent] AS [MessageContent]
FROM (SELECT [Messages].[MessageID] AS [MessageID], [Messages].[MessageContent] AS [MessageContent]
FROM [Messages]
WHERE [Messages].[SenderID] = :me AND [Messages].[IsDeleted] = 0 AND NOT (EXISTS (SELECT *
FROM [MessagingClears]
WHERE [MessagingClears].[UserID] = :me AND [MessagingClears].[PartnerID] IN ([Messages].[RecipientID], -[Messages].[RecipientID]) AND [MessagingClears].[ClearedUpTo] >= [Messages].[MessageID])) AND [Messages].[MessageID] < :before AND [Messages].[MessageID] > :above ORDER BY [Messages].[MessageID] DESC
 OFFSET :param_1 ROWS
 FETCH FIRST :window ROWS ONLY) AS anon_1 UNION ALL SELECT anon_2.[MessageID] AS [MessageID], anon_2.[MessageContent] AS [MessageContent]
FROM (SELECT [Messages].[MessageID] AS [MessageID], [Messages].[MessageContent] AS [MessageContent]
FROM [Messages]
WHERE [Messages].[RecipientID] = :me AND [Messages].[SenderID] != [Messages].[RecipientID] AND [Messages].[IsDeleted] = 0 AND NOT (EXISTS (SELECT *
FROM [MessagingClears]
WHERE [MessagingClears].[UserID] = :me AND [MessagingClears].[PartnerID] IN ([Messages].[SenderID]) AND [MessagingClears].[ClearedUpTo] >= [Messages].[MessageID])) AND [Messages].[MessageID] < :before AND [Messages].[MessageID] > :above ORDER BY [Messages].[MessageID] DESC
 OFFSET :param_2 ROWS
 FETCH FIRST :window ROWS ONLY) AS anon_2) AS halves ORDER BY halves.[MessageID] DESC
 OFFSET :param_3 ROWS
 FETCH FIRST :window ROWS ONLY) AS own
WHERE (CAST(own.[MessageContent] AS NVARCHAR(max)) COLLATE Latin1_General_100_CI_AS_SC) LIKE :pattern ESCAPE '!' ORDER BY own.[MessageID] DESC
 OFFSET :param_4 ROWS
 FETCH FIRST :most ROWS ONLY

-- search._matching_owns[True]
SELECT own.[MessageID], own.[MessageContent]
FROM (SELECT halves.[MessageID] AS [MessageID], halves.[MessageContent] AS [MessageContent]
FROM (SELECT anon_1.[MessageID] AS [MessageID], anon_1.[MessageContent] AS [MessageContent]
FROM (SELECT [Messages].[MessageID] AS [MessageID], [Messages].[MessageContent] AS [MessageContent]
FROM [Messages]
WHERE [Messages].[SenderID] = :me AND [Messages].[RecipientID] = :partner AND [Messages].[IsDeleted] = 0 AND NOT (EXISTS (SELECT *
FROM [MessagingClears]
WHERE [MessagingClears].[UserID] = :me AND [MessagingClears].[PartnerID] IN ([Messages].[RecipientID], -[Messages].[RecipientID]) AND [MessagingClears].[ClearedUpTo] >= [Messages].[MessageID])) AND [Messages].[MessageID] < :before AND [Messages].[MessageID] > :above ORDER BY [Messages].[MessageID] DESC
 OFFSET :param_1 ROWS
 FETCH FIRST :window ROWS ONLY) AS anon_1 UNION ALL SELECT anon_2.[MessageID] AS [MessageID], anon_2.[MessageContent] AS [MessageContent]
FROM (SELECT [Messages].[MessageID] AS [MessageID], [Messages].[MessageContent] AS [MessageContent]
FROM [Messages]
WHERE [Messages].[RecipientID] = :me AND [Messages].[SenderID] = :partner AND [Messages].[SenderID] != [Messages].[RecipientID] AND [Messages].[IsDeleted] = 0 AND NOT (EXISTS (SELECT *
FROM [MessagingClears]
WHERE [MessagingClears].[UserID] = :me AND [MessagingClears].[PartnerID] IN ([Messages].[SenderID]) AND [MessagingClears].[ClearedUpTo] >= [Messages].[MessageID])) AND [Messages].[MessageID] < :before AND [Messages].[MessageID] > :above ORDER BY [Messages].[MessageID] DESC
 OFFSET :param_2 ROWS
 FETCH FIRST :window ROWS ONLY) AS anon_2) AS halves ORDER BY halves.[MessageID] DESC
 OFFSET :param_3 ROWS
 FETCH FIRST :window ROWS ONLY) AS own
WHERE (CAST(own.[MessageContent] AS NVARCHAR(max)) COLLATE Latin1_General_100_CI_AS_SC) LIKE :pattern ESCAPE '!' ORDER BY own.[MessageID] DESC
 OFFSET :param_4 ROWS
 FETCH FIRST :most ROWS ONLY

-- search._plain_owns[False]
SELECT own.[MessageID], own.[MessageContent]
FROM (SELECT halves.[MessageID] AS [MessageID], halves.[MessageContent] AS [MessageContent]
FROM (SELECT anon_1.[MessageID] AS [MessageID], anon_1.[MessageContent] AS [MessageContent]
FROM (SELECT [Messages].[MessageID] AS [MessageID], [Messages].[MessageContent] AS [MessageContent]
FROM [Messages]
WHERE [Messages].[SenderID] = :me AND [Messages].[IsDeleted] = 0 AND NOT (EXISTS (SELECT *
FROM [MessagingClears]
WHERE [MessagingClears].[UserID] = :me AND [MessagingClears].[PartnerID] IN ([Messages].[RecipientID], -[Messages].[RecipientID]) AND [MessagingClears].[ClearedUpTo] >= [Messages].[MessageID])) AND [Messages].[MessageID] < :before AND [Messages].[MessageID] > :above ORDER BY [Messages].[MessageID] DESC
 OFFSET :param_1 ROWS
 FETCH FIRST :window ROWS ONLY) AS anon_1 UNION ALL SELECT anon_2.[MessageID] AS [MessageID], anon_2.[MessageContent] AS [MessageContent]
FROM (SELECT [Messages].[MessageID] AS [MessageID], [Messages].[MessageContent] AS [MessageContent]
FROM [Messages]
WHERE [Messages].[RecipientID] = :me AND [Messages].[SenderID] != [Messages].[RecipientID] AND [Messages].[IsDeleted] = 0 AND NOT (EXISTS (SELECT *
FROM [MessagingClears]
WHERE [MessagingClears].[UserID] = :me AND [MessagingClears].[PartnerID] IN ([Messages].[SenderID]) AND [MessagingClears].[ClearedUpTo] >= [Messages].[MessageID])) AND [Messages].[MessageID] < :before AND [Messages].[MessageID] > :above ORDER BY [Messages].[MessageID] DESC
 OFFSET :param_2 ROWS
 FETCH FIRST :window ROWS ONLY) AS anon_2) AS halves ORDER BY halves.[MessageID] DESC
 OFFSET :param_3 ROWS
 FETCH FIRST :window ROWS ONLY) AS own
WHERE (CAST(own.[MessageContent] AS NVARCHAR(max)) COLLATE Latin1_General_100_CI_AS_SC) LIKE :pattern ESCAPE '!' ORDER BY own.[MessageID] DESC
 OFFSET :param_4 ROWS
 FETCH FIRST :most ROWS ONLY

-- search._plain_owns[True]
SELECT own.[MessageID], own.[MessageContent]
FROM (SELECT halves.[MessageID] AS [MessageID], halves.[MessageContent] AS [MessageContent]
FROM (SELECT anon_1.[MessageID] AS [MessageID], anon_1.[MessageContent] AS [MessageContent]
FROM (SELECT [Messages].[MessageID] AS [MessageID], [Messages].[MessageContent] AS [MessageContent]
FROM [Messages]
WHERE [Messages].[SenderID] = :me AND [Messages].[RecipientID] = :partner AND [Messages].[IsDeleted] = 0 AND NOT (EXISTS (SELECT *
FROM [MessagingClears]
WHERE [MessagingClears].[UserID] = :me AND [MessagingClears].[PartnerID] IN ([Messages].[RecipientID], -[Messages].[RecipientID]) AND [MessagingClears].[ClearedUpTo] >= [Messages].[MessageID])) AND [Messages].[MessageID] < :before AND [Messages].[MessageID] > :above ORDER BY [Messages].[MessageID] DESC
 OFFSET :param_1 ROWS
 FETCH FIRST :window ROWS ONLY) AS anon_1 UNION ALL SELECT anon_2.[MessageID] AS [MessageID], anon_2.[MessageContent] AS [MessageContent]
FROM (SELECT [Messages].[MessageID] AS [MessageID], [Messages].[MessageContent] AS [MessageContent]
FROM [Messages]
WHERE [Messages].[RecipientID] = :me AND [Messages].[SenderID] = :partner AND [Messages].[SenderID] != [Messages].[RecipientID] AND [Messages].[IsDeleted] = 0 AND NOT (EXISTS (SELECT *
FROM [MessagingClears]
WHERE [MessagingClears].[UserID] = :me AND [MessagingClears].[PartnerID] IN ([Messages].[SenderID]) AND [MessagingClears].[ClearedUpTo] >= [Messages].[MessageID])) AND [Messages].[MessageID] < :before AND [Messages].[MessageID] > :above ORDER BY [Messages].[MessageID] DESC
 OFFSET :param_2 ROWS
 FETCH FIRST :window ROWS ONLY) AS anon_2) AS halves ORDER BY halves.[MessageID] DESC
 OFFSET :param_3 ROWS
 FETCH FIRST :window ROWS ONLY) AS own
WHERE (CAST(own.[MessageContent] AS NVARCHAR(max)) COLLATE Latin1_General_100_CI_AS_SC) LIKE :pattern ESCAPE '!' ORDER BY own.[MessageID] DESC
 OFFSET :param_4 ROWS
 FETCH FIRST :most ROWS ONLY

-- sync._advance
UPDATE [MessagingCursors] SET [Latest]=([MessagingCursors].[Latest] + :count) WHERE [MessagingCursors].[UserID] = :user

-- sync._begin
INSERT INTO [MessagingCursors] ([UserID], [Latest]) VALUES (:user, :count)

-- sync._latest
SELECT [MessagingCursors].[Latest]
FROM [MessagingCursors]
WHERE [MessagingCursors].[UserID] = :user

-- sync._latest_of
SELECT [MessagingCursors].[UserID], [MessagingCursors].[Latest]
FROM [MessagingCursors]
WHERE [MessagingCursors].[UserID] IN (:id0, :id1, :id2, :id3, :id4, :id5, :id6, :id7, :id8, :id9, :id10, :id11, :id12, :id13, :id14, :id15, :id16, :id17, :id18, :id19, :id20, :id21, :id22, :id23, :id24, :id25, :id26, :id27, :id28, :id29, :id30, :id31, :id32, :id33, :id34, :id35, :id36, :id37, :id38, :id39, :id40, :id41, :id42, :id43, :id44, :id45, :id46, :id47, :id48, :id49, :id50, :id51, :id52, :id53, :id54, :id55, :id56, :id57, :id58, :id59, :id60, :id61, :id62, :id63, :id64, :id65, :id66, :id67, :id68, :id69, :id70, :id71, :id72, :id73, :id74, :id75, :id76, :id77, :id78, :id79, :id80, :id81, :id82, :id83, :id84, :id85, :id86, :id87, :id88, :id89, :id90, :id91, :id92, :id93, :id94, :id95, :id96, :id97, :id98, :id99)

-- sync._insert
INSERT INTO [MessagingEvents] ([UserID], [Seq], [Event], [CreatedAt]) VALUES (:user, :number, :json, :now)

-- sync._event
SELECT [MessagingEvents].[Event]
FROM [MessagingEvents]
WHERE [MessagingEvents].[UserID] = :user AND [MessagingEvents].[Seq] = :number

-- sync._since
SELECT [MessagingEvents].[Seq], [MessagingEvents].[Event]
FROM [MessagingEvents]
WHERE [MessagingEvents].[UserID] = :user AND [MessagingEvents].[Seq] > :since ORDER BY [MessagingEvents].[Seq]
 OFFSET 0 ROWS
 FETCH FIRST :limit ROWS ONLY

-- sync._oldest_number
SELECT min([MessagingEvents].[Seq]) AS min_1
FROM [MessagingEvents]
WHERE [MessagingEvents].[UserID] = :user

-- sync._oldest
SELECT [MessagingEvents].[EventID], [MessagingEvents].[CreatedAt]
FROM [MessagingEvents] ORDER BY [MessagingEvents].[EventID]
 OFFSET 0 ROWS
 FETCH FIRST :limit ROWS ONLY

-- sync._delete_up_to
DELETE FROM [MessagingEvents] WHERE [MessagingEvents].[EventID] <= :last

-- sync._log_message
INSERT INTO [MessagingLogged] ([MessageID]) VALUES (:message)

-- sync._lowest_logged
SELECT min([MessagingLogged].[MessageID]) AS min_1
FROM [MessagingLogged]

-- sync._newest_message
SELECT max([Messages].[MessageID]) AS max_1
FROM [Messages]

-- sync._unlogged
SELECT [Messages].[MessageID]
FROM [Messages]
WHERE [Messages].[MessageID] > :mark AND NOT (EXISTS (SELECT *
FROM [MessagingLogged]
WHERE [MessagingLogged].[MessageID] = [Messages].[MessageID])) ORDER BY [Messages].[MessageID]
 OFFSET 0 ROWS
 FETCH FIRST :limit ROWS ONLY

-- sync._move_mark
UPDATE [MessagingCursors] SET [Latest]=:mark WHERE [MessagingCursors].[UserID] = :user_id_1 AND [MessagingCursors].[Latest] < :mark

-- sync._forget_logged
DELETE FROM [MessagingLogged] WHERE [MessagingLogged].[MessageID] <= :mark

-- threads._newest[False]
SELECT [Messages].[MessageID], [Messages].[SenderID], [Messages].[RecipientID], [Messages].[PostID], [Messages].[MessageContent], [Messages].[MessageType], [Messages].[AttachmentURL], [Messages].[IsReadByRecipient], [Messages].[RecipientReadAt], [Messages].[IsReadBySender], [Messages].[SenderReadAt], [Messages].[IsRead], [Messages].[ReadAt], [Messages].[IsDeleted], [Messages].[DeletedBy], [Messages].[IsEdited], [Messages].[EditedAt], [Messages].[ParentMessageID], [Messages].[CreatedAt], [Messages].[UpdatedAt], sender.[FullName] AS sender_name, sender.[ProfilePictureURL] AS sender_picture, recipient.[FullName] AS recipient_name, recipient.[ProfilePictureURL] AS recipient_picture, [Posts].[Title] AS post_title, [Posts].[Price] AS post_price, [Posts].[Status] AS post_status, (SELECT TOP 1 [PostImages].[ImageURL]
FROM [PostImages]
WHERE [PostImages].[PostID] = [Messages].[PostID] ORDER BY [PostImages].[DisplayOrder], [PostImages].[ImageID]) AS post_image
FROM [Messages] LEFT OUTER JOIN [Users] AS sender ON sender.[UserID] = [Messages].[SenderID] LEFT OUTER JOIN [Users] AS recipient ON recipient.[UserID] = [Messages].[RecipientID] LEFT OUTER JOIN [Posts] ON [Posts].[PostID] = [Messages].[PostID] JOIN (SELECT halves.[MessageID] AS [MessageID], row_number() OVER (ORDER BY halves.[MessageID] DESC) AS position
FROM (SELECT anon_1.[MessageID] AS [MessageID]
FROM (SELECT [Messages].[MessageID] AS [MessageID]
FROM [Messages]
WHERE [Messages].[SenderID] = :me AND [Messages].[RecipientID] = :partner AND [Messages].[MessageID] > :sent_after AND [Messages].[IsDeleted] = 0 AND [Messages].[MessageID] <= :until ORDER BY [Messages].[MessageID] DESC
 OFFSET :param_2 ROWS
 FETCH FIRST :end ROWS ONLY) AS anon_1 UNION ALL SELECT anon_2.[MessageID] AS [MessageID]
FROM (SELECT [Messages].[MessageID] AS [MessageID]
FROM [Messages]
WHERE [Messages].[SenderID] = :partner AND [Messages].[RecipientID] = :me AND [Messages].[SenderID] != [Messages].[RecipientID] AND [Messages].[MessageID] > :after AND [Messages].[IsDeleted] = 0 AND [Messages].[MessageID] <= :until ORDER BY [Messages].[MessageID] DESC
 OFFSET :param_3 ROWS
 FETCH FIRST :end ROWS ONLY) AS anon_2) AS halves) AS numbered ON numbered.[MessageID] = [Messages].[MessageID] AND numbered.position > :offset AND numbered.position <= :end ORDER BY [Messages].[MessageID]

-- threads._newest[True]
SELECT [Messages].[MessageID], [Messages].[SenderID], [Messages].[RecipientID], [Messages].[PostID], [Messages].[MessageContent], [Messages].[MessageType], [Messages].[AttachmentURL], [Messages].[IsReadByRecipient], [Messages].[RecipientReadAt], [Messages].[IsReadBySender], [Messages].[SenderReadAt], [Messages].[IsRead], [Messages].[ReadAt], [Messages].[IsDeleted], [Messages].[DeletedBy], [Messages].[IsEdited], [Messages].[EditedAt], [Messages].[ParentMessageID], [Messages].[CreatedAt], [Messages].[UpdatedAt], sender.[FullName] AS sender_name, sender.[ProfilePictureURL] AS sender_picture, recipient.[FullName] AS recipient_name, recipient.[ProfilePictureURL] AS recipient_picture, [Posts].[Title] AS post_title, [Posts].[Price] AS post_price, [Posts].[Status] AS post_status, (SELECT TOP 1 [PostImages].[ImageURL]
FROM [PostImages]
WHERE [PostImages].[PostID] = [Messages].[PostID] ORDER BY [PostImages].[DisplayOrder], [PostImages].[ImageID]) AS post_image
FROM [Messages] LEFT OUTER JOIN [Users] AS sender ON sender.[UserID] = [Messages].[SenderID] LEFT OUTER JOIN [Users] AS recipient ON recipient.[UserID] = [Messages].[RecipientID] LEFT OUTER JOIN [Posts] ON [Posts].[PostID] = [Messages].[PostID] JOIN (SELECT halves.[MessageID] AS [MessageID], row_number() OVER (ORDER BY halves.[MessageID] DESC) AS position
FROM (SELECT anon_1.[MessageID] AS [MessageID]
FROM (SELECT [Messages].[MessageID] AS [MessageID]
FROM [Messages]
WHERE [Messages].[SenderID] = :me AND [Messages].[RecipientID] = :partner AND [Messages].[MessageID] > :sent_after AND [Messages].[IsDeleted] = 0 AND [Messages].[MessageID] <= :until AND [Messages].[PostID] = :post ORDER BY [Messages].[MessageID] DESC
 OFFSET :param_2 ROWS
 FETCH FIRST :end ROWS ONLY) AS anon_1 UNION ALL SELECT anon_2.[MessageID] AS [MessageID]
FROM (SELECT [Messages].[MessageID] AS [MessageID]
FROM [Messages]
WHERE [Messages].[SenderID] = :partner AND [Messages].[RecipientID] = :me AND [Messages].[SenderID] != [Messages].[RecipientID] AND [Messages].[MessageID] > :after AND [Messages].[IsDeleted] = 0 AND [Messages].[MessageID] <= :until AND [Messages].[PostID] = :post ORDER BY [Messages].[MessageID] DESC
 OFFSET :param_3 ROWS
 FETCH FIRST :end ROWS ONLY) AS anon_2) AS halves) AS numbered ON numbered.[MessageID] = [Messages].[MessageID] AND numbered.position > :offset AND numbered.position <= :end ORDER BY [Messages].[MessageID]

-- threads._oldest[False]
SELECT [Messages].[MessageID], [Messages].[SenderID], [Messages].[RecipientID], [Messages].[PostID], [Messages].[MessageContent], [Messages].[MessageType], [Messages].[AttachmentURL], [Messages].[IsReadByRecipient], [Messages].[RecipientReadAt], [Messages].[IsReadBySender], [Messages].[SenderReadAt], [Messages].[IsRead], [Messages].[ReadAt], [Messages].[IsDeleted], [Messages].[DeletedBy], [Messages].[IsEdited], [Messages].[EditedAt], [Messages].[ParentMessageID], [Messages].[CreatedAt], [Messages].[UpdatedAt], sender.[FullName] AS sender_name, sender.[ProfilePictureURL] AS sender_picture, recipient.[FullName] AS recipient_name, recipient.[ProfilePictureURL] AS recipient_picture, [Posts].[Title] AS post_title, [Posts].[Price] AS post_price, [Posts].[Status] AS post_status, (SELECT TOP 1 [PostImages].[ImageURL]
FROM [PostImages]
WHERE [PostImages].[PostID] = [Messages].[PostID] ORDER BY [PostImages].[DisplayOrder], [PostImages].[ImageID]) AS post_image
FROM [Messages] LEFT OUTER JOIN [Users] AS sender ON sender.[UserID] = [Messages].[SenderID] LEFT OUTER JOIN [Users] AS recipient ON recipient.[UserID] = [Messages].[RecipientID] LEFT OUTER JOIN [Posts] ON [Posts].[PostID] = [Messages].[PostID] JOIN (SELECT halves.[MessageID] AS [MessageID], row_number() OVER (ORDER BY halves.[MessageID] ASC) AS position
FROM (SELECT anon_1.[MessageID] AS [MessageID]
FROM (SELECT [Messages].[MessageID] AS [MessageID]
FROM [Messages]
WHERE [Messages].[SenderID] = :me AND [Messages].[RecipientID] = :partner AND [Messages].[MessageID] > :sent_after AND [Messages].[IsDeleted] = 0 AND [Messages].[MessageID] <= :until ORDER BY [Messages].[MessageID] ASC
 OFFSET :param_2 ROWS
 FETCH FIRST :end ROWS ONLY) AS anon_1 UNION ALL SELECT anon_2.[MessageID] AS [MessageID]
FROM (SELECT [Messages].[MessageID] AS [MessageID]
FROM [Messages]
WHERE [Messages].[SenderID] = :partner AND [Messages].[RecipientID] = :me AND [Messages].[SenderID] != [Messages].[RecipientID] AND [Messages].[MessageID] > :after AND [Messages].[IsDeleted] = 0 AND [Messages].[MessageID] <= :until ORDER BY [Messages].[MessageID] ASC
 OFFSET :param_3 ROWS
 FETCH FIRST :end ROWS ONLY) AS anon_2) AS halves) AS numbered ON numbered.[MessageID] = [Messages].[MessageID] AND numbered.position > :offset AND numbered.position <= :end ORDER BY [Messages].[MessageID]

-- threads._oldest[True]
SELECT [Messages].[MessageID], [Messages].[SenderID], [Messages].[RecipientID], [Messages].[PostID], [Messages].[MessageContent], [Messages].[MessageType], [Messages].[AttachmentURL], [Messages].[IsReadByRecipient], [Messages].[RecipientReadAt], [Messages].[IsReadBySender], [Messages].[SenderReadAt], [Messages].[IsRead], [Messages].[ReadAt], [Messages].[IsDeleted], [Messages].[DeletedBy], [Messages].[IsEdited], [Messages].[EditedAt], [Messages].[ParentMessageID], [Messages].[CreatedAt], [Messages].[UpdatedAt], sender.[FullName] AS sender_name, sender.[ProfilePictureURL] AS sender_picture, recipient.[FullName] AS recipient_name, recipient.[ProfilePictureURL] AS recipient_picture, [Posts].[Title] AS post_title, [Posts].[Price] AS post_price, [Posts].[Status] AS post_status, (SELECT TOP 1 [PostImages].[ImageURL]
FROM [PostImages]
WHERE [PostImages].[PostID] = [Messages].[PostID] ORDER BY [PostImages].[DisplayOrder], [PostImages].[ImageID]) AS post_image
FROM [Messages] LEFT OUTER JOIN [Users] AS sender ON sender.[UserID] = [Messages].[SenderID] LEFT OUTER JOIN [Users] AS recipient ON recipient.[UserID] = [Messages].[RecipientID] LEFT OUTER JOIN [Posts] ON [Posts].[PostID] = [Messages].[PostID] JOIN (SELECT halves.[MessageID] AS [MessageID], row_number() OVER (ORDER BY halves.[MessageID] ASC) AS position
FROM (SELECT anon_1.[MessageID] AS [MessageID]
FROM (SELECT [Messages].[MessageID] AS [MessageID]
FROM [Messages]
WHERE [Messages].[SenderID] = :me AND [Messages].[RecipientID] = :partner AND [Messages].[MessageID] > :sent_after AND [Messages].[IsDeleted] = 0 AND [Messages].[MessageID] <= :until AND [Messages].[PostID] = :post ORDER BY [Messages].[MessageID] ASC
 OFFSET :param_2 ROWS
 FETCH FIRST :end ROWS ONLY) AS anon_1 UNION ALL SELECT anon_2.[MessageID] AS [MessageID]
FROM (SELECT [Messages].[MessageID] AS [MessageID]
FROM [Messages]
WHERE [Messages].[SenderID] = :partner AND [Messages].[RecipientID] = :me AND [Messages].[SenderID] != [Messages].[RecipientID] AND [Messages].[MessageID] > :after AND [Messages].[IsDeleted] = 0 AND [Messages].[MessageID] <= :until AND [Messages].[PostID] = :post ORDER BY [Messages].[MessageID] ASC
 OFFSET :param_3 ROWS
 FETCH FIRST :end ROWS ONLY) AS anon_2) AS halves) AS numbered ON numbered.[MessageID] = [Messages].[MessageID] AND numbered.position > :offset AND numbered.position <= :end ORDER BY [Messages].[MessageID]

-- threads._lengths[False]
SELECT count(*) AS count_1
FROM (SELECT [Messages].[MessageID] AS [MessageID]
FROM [Messages]
WHERE [Messages].[SenderID] = :me AND [Messages].[RecipientID] = :partner AND [Messages].[MessageID] > :sent_after AND [Messages].[IsDeleted] = 0 AND [Messages].[MessageID] <= :until UNION ALL SELECT [Messages].[MessageID] AS [MessageID]
FROM [Messages]
WHERE [Messages].[SenderID] = :partner AND [Messages].[RecipientID] = :me AND [Messages].[SenderID] != [Messages].[RecipientID] AND [Messages].[MessageID] > :after AND [Messages].[IsDeleted] = 0 AND [Messages].[MessageID] <= :until) AS halves

-- threads._lengths[True]
SELECT count(*) AS count_1
FROM (SELECT [Messages].[MessageID] AS [MessageID]
FROM [Messages]
WHERE [Messages].[SenderID] = :me AND [Messages].[RecipientID] = :partner AND [Messages].[MessageID] > :sent_after AND [Messages].[IsDeleted] = 0 AND [Messages].[MessageID] <= :until AND [Messages].[PostID] = :post UNION ALL SELECT [Messages].[MessageID] AS [MessageID]
FROM [Messages]
WHERE [Messages].[SenderID] = :partner AND [Messages].[RecipientID] = :me AND [Messages].[SenderID] != [Messages].[RecipientID] AND [Messages].[MessageID] > :after AND [Messages].[IsDeleted] = 0 AND [Messages].[MessageID] <= :until AND [Messages].[PostID] = :post) AS halves

-- threads._unread
SELECT count(*) AS count_1
FROM [Messages]
WHERE [Messages].[RecipientID] = :me AND [Messages].[SenderID] = :partner AND [Messages].[MessageID] + :message_id_1 > :after AND [Messages].[IsReadByRecipient] = 0 AND [Messages].[IsRead] = 0 AND [Messages].[IsDeleted] = 0

-- users._one
SELECT [Users].[UserID], [Users].[FullName], [Users].[ProfilePictureURL], [Users].[IsActive]
FROM [Users]
WHERE [Users].[UserID] = :user_id

-- users._email
SELECT [Users].[Email]
FROM [Users]
WHERE [Users].[UserID] = :user_id AND [Users].[IsActive] = 1

-- users._first
SELECT [Users].[UserID], [Users].[FullName]
FROM [Users]
WHERE [Users].[IsActive] = 1 ORDER BY [Users].[UserID]
 OFFSET 0 ROWS
 FETCH FIRST :limit ROWS ONLY

-- users._is_active
SELECT [Users].[IsActive]
FROM [Users]
WHERE [Users].[UserID] = :user_id

-- users._active_of
SELECT [Users].[UserID]
FROM [Users]
WHERE [Users].[IsActive] = 1 AND [Users].[UserID] IN (:id0, :id1, :id2, :id3, :id4, :id5, :id6, :id7, :id8, :id9, :id10, :id11, :id12, :id13, :id14, :id15, :id16, :id17, :id18, :id19, :id20, :id21, :id22, :id23, :id24, :id25, :id26, :id27, :id28, :id29, :id30, :id31, :id32, :id33, :id34, :id35, :id36, :id37, :id38, :id39, :id40, :id41, :id42, :id43, :id44, :id45, :id46, :id47, :id48, :id49)
