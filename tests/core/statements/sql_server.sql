-- conversations._previews
WITH mine AS
(SELECT [Messages].[RecipientID] AS partner_id, [Messages].[MessageID] AS [MessageID]
FROM [Messages]
WHERE [Messages].[SenderID] = :me AND [Messages].[IsDeleted] = 0 UNION ALL SELECT [Messages].[SenderID] AS [SenderID], [Messages].[MessageID] AS [MessageID]
FROM [Messages]
WHERE [Messages].[RecipientID] = :me AND [Messages].[IsDeleted] = 0),
newest AS
(SELECT mine.partner_id AS partner_id, max(mine.[MessageID]) AS last_id
FROM mine GROUP BY mine.partner_id),
numbered AS
(SELECT newest.partner_id AS partner_id, newest.last_id AS last_id, row_number() OVER (ORDER BY newest.last_id DESC) AS position, count(*) OVER () AS total
FROM newest),
page AS
(SELECT numbered.partner_id AS partner_id, numbered.last_id AS last_id, numbered.position AS position, numbered.total AS total
FROM numbered
WHERE numbered.position > :offset AND numbered.position <= :end)
 SELECT page.partner_id, page.total, (SELECT count(*) AS count_1
FROM [Messages] AS other
WHERE other.[RecipientID] = :me AND other.[SenderID] = page.partner_id AND other.[IsReadByRecipient] = 0 AND other.[IsRead] = 0 AND other.[IsDeleted] = 0) AS unread, [Users].[FullName], [Users].[ProfilePictureURL], [Messages].[MessageContent], [Messages].[CreatedAt], [Messages].[SenderID], [Messages].[PostID], [Posts].[Title]
FROM page JOIN [Messages] ON [Messages].[MessageID] = page.last_id LEFT OUTER JOIN [Users] ON [Users].[UserID] = page.partner_id LEFT OUTER JOIN [Posts] ON [Posts].[PostID] = [Messages].[PostID] ORDER BY page.position

-- conversations._partners
WITH mine AS
(SELECT [Messages].[RecipientID] AS partner_id, [Messages].[MessageID] AS [MessageID]
FROM [Messages]
WHERE [Messages].[SenderID] = :me AND [Messages].[IsDeleted] = 0 UNION ALL SELECT [Messages].[SenderID] AS [SenderID], [Messages].[MessageID] AS [MessageID]
FROM [Messages]
WHERE [Messages].[RecipientID] = :me AND [Messages].[IsDeleted] = 0),
newest AS
(SELECT mine.partner_id AS partner_id, max(mine.[MessageID]) AS last_id
FROM mine GROUP BY mine.partner_id)
 SELECT count(*) AS count_1
FROM newest

-- conversations._unread_count
SELECT count(*) AS count_1
FROM [Messages]
WHERE [Messages].[RecipientID] = :me AND [Messages].[IsReadByRecipient] = 0 AND [Messages].[IsRead] = 0 AND [Messages].[IsDeleted] = 0

-- conversations._unread_ids
SELECT [Messages].[MessageID]
FROM [Messages]
WHERE [Messages].[SenderID] = :partner AND [Messages].[RecipientID] = :me AND [Messages].[IsReadByRecipient] = 0 AND [Messages].[IsRead] = 0 AND [Messages].[IsDeleted] = 0 ORDER BY [Messages].[MessageID]

-- conversations._mark_received
UPDATE [Messages] SET [IsReadByRecipient]=:is_read_by_recipient, [RecipientReadAt]=:now, [IsRead]=:is_read, [ReadAt]=:now, [UpdatedAt]=:now WHERE [Messages].[SenderID] = :partner AND [Messages].[RecipientID] = :me AND [Messages].[IsReadByRecipient] = 0 AND [Messages].[IsRead] = 0 AND [Messages].[IsDeleted] = 0 AND [Messages].[MessageID] <= :last

-- conversations._mark_sent
UPDATE [Messages] SET [IsReadBySender]=:is_read_by_sender, [SenderReadAt]=:now, [UpdatedAt]=:now WHERE [Messages].[SenderID] = :me AND [Messages].[RecipientID] = :partner AND [Messages].[IsReadBySender] = 0 AND [Messages].[IsDeleted] = 0

-- conversations._any_between
SELECT :param_1 AS one
WHERE (EXISTS (SELECT *
FROM [Messages]
WHERE [Messages].[SenderID] = :me AND [Messages].[RecipientID] = :partner AND [Messages].[IsDeleted] = 0)) OR (EXISTS (SELECT *
FROM [Messages]
WHERE [Messages].[SenderID] = :partner AND [Messages].[RecipientID] = :me AND [Messages].[IsDeleted] = 0))

-- demo_data._highest
SELECT max([Users].[UserID]) AS max_1
FROM [Users]

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
SELECT [Messages].[MessageID], [Messages].[SenderID], [Messages].[RecipientID], [Messages].[IsDeleted], [Messages].[CreatedAt]
FROM [Messages]
WHERE [Messages].[MessageID] = :id

-- messages._threads[False]
SELECT [Messages].[MessageID], [Messages].[SenderID], [Messages].[RecipientID], [Messages].[PostID], [Messages].[MessageContent], [Messages].[MessageType], [Messages].[AttachmentURL], [Messages].[IsReadByRecipient], [Messages].[RecipientReadAt], [Messages].[IsReadBySender], [Messages].[SenderReadAt], [Messages].[IsRead], [Messages].[ReadAt], [Messages].[IsDeleted], [Messages].[DeletedBy], [Messages].[IsEdited], [Messages].[EditedAt], [Messages].[ParentMessageID], [Messages].[CreatedAt], [Messages].[UpdatedAt], sender.[FullName] AS sender_name, sender.[ProfilePictureURL] AS sender_picture, recipient.[FullName] AS recipient_name, recipient.[ProfilePictureURL] AS recipient_picture, [Posts].[Title] AS post_title, [Posts].[Price] AS post_price, [Posts].[Status] AS post_status, (SELECT TOP 1 [PostImages].[ImageURL]
FROM [PostImages]
WHERE [PostImages].[PostID] = [Messages].[PostID] ORDER BY [PostImages].[DisplayOrder], [PostImages].[ImageID]) AS post_image
FROM [Messages] LEFT OUTER JOIN [Users] AS sender ON sender.[UserID] = [Messages].[SenderID] LEFT OUTER JOIN [Users] AS recipient ON recipient.[UserID] = [Messages].[RecipientID] LEFT OUTER JOIN [Posts] ON [Posts].[PostID] = [Messages].[PostID] JOIN (SELECT halves.[MessageID] AS [MessageID], row_number() OVER (ORDER BY halves.[MessageID] DESC) AS position
FROM (SELECT anon_1.[MessageID] AS [MessageID]
FROM (SELECT [Messages].[MessageID] AS [MessageID]
FROM [Messages]
WHERE [Messages].[SenderID] = :me AND [Messages].[RecipientID] = :partner AND [Messages].[IsDeleted] = 0 ORDER BY [Messages].[MessageID] DESC
 OFFSET :param_2 ROWS
 FETCH FIRST :end ROWS ONLY) AS anon_1 UNION ALL SELECT anon_2.[MessageID] AS [MessageID]
FROM (SELECT [Messages].[MessageID] AS [MessageID]
FROM [Messages]
WHERE [Messages].[SenderID] = :partner AND [Messages].[RecipientID] = :me AND [Messages].[SenderID] != [Messages].[RecipientID] AND [Messages].[IsDeleted] = 0 ORDER BY [Messages].[MessageID] DESC
 OFFSET :param_3 ROWS
 FETCH FIRST :end ROWS ONLY) AS anon_2) AS halves) AS numbered ON numbered.[MessageID] = [Messages].[MessageID] AND numbered.position > :offset AND numbered.position <= :end ORDER BY numbered.position

-- messages._threads[True]
SELECT [Messages].[MessageID], [Messages].[SenderID], [Messages].[RecipientID], [Messages].[PostID], [Messages].[MessageContent], [Messages].[MessageType], [Messages].[AttachmentURL], [Messages].[IsReadByRecipient], [Messages].[RecipientReadAt], [Messages].[IsReadBySender], [Messages].[SenderReadAt], [Messages].[IsRead], [Messages].[ReadAt], [Messages].[IsDeleted], [Messages].[DeletedBy], [Messages].[IsEdited], [Messages].[EditedAt], [Messages].[ParentMessageID], [Messages].[CreatedAt], [Messages].[UpdatedAt], sender.[FullName] AS sender_name, sender.[ProfilePictureURL] AS sender_picture, recipient.[FullName] AS recipient_name, recipient.[ProfilePictureURL] AS recipient_picture, [Posts].[Title] AS post_title, [Posts].[Price] AS post_price, [Posts].[Status] AS post_status, (SELECT TOP 1 [PostImages].[ImageURL]
FROM [PostImages]
WHERE [PostImages].[PostID] = [Messages].[PostID] ORDER BY [PostImages].[DisplayOrder], [PostImages].[ImageID]) AS post_image
FROM [Messages] LEFT OUTER JOIN [Users] AS sender ON sender.[UserID] = [Messages].[SenderID] LEFT OUTER JOIN [Users] AS recipient ON recipient.[UserID] = [Messages].[RecipientID] LEFT OUTER JOIN [Posts] ON [Posts].[PostID] = [Messages].[PostID] JOIN (SELECT halves.[MessageID] AS [MessageID], row_number() OVER (ORDER BY halves.[MessageID] DESC) AS position
FROM (SELECT anon_1.[MessageID] AS [MessageID]
FROM (SELECT [Messages].[MessageID] AS [MessageID]
FROM [Messages]
WHERE [Messages].[SenderID] = :me AND [Messages].[RecipientID] = :partner AND [Messages].[IsDeleted] = 0 AND [Messages].[PostID] = :post ORDER BY [Messages].[MessageID] DESC
 OFFSET :param_2 ROWS
 FETCH FIRST :end ROWS ONLY) AS anon_1 UNION ALL SELECT anon_2.[MessageID] AS [MessageID]
FROM (SELECT [Messages].[MessageID] AS [MessageID]
FROM [Messages]
WHERE [Messages].[SenderID] = :partner AND [Messages].[RecipientID] = :me AND [Messages].[SenderID] != [Messages].[RecipientID] AND [Messages].[IsDeleted] = 0 AND [Messages].[PostID] = :post ORDER BY [Messages].[MessageID] DESC
 OFFSET :param_3 ROWS
 FETCH FIRST :end ROWS ONLY) AS anon_2) AS halves) AS numbered ON numbered.[MessageID] = [Messages].[MessageID] AND numbered.position > :offset AND numbered.position <= :end ORDER BY numbered.position

-- messages._thread_counts[False]
SELECT count(*) AS count_1
FROM (SELECT [Messages].[MessageID] AS [MessageID]
FROM [Messages]
WHERE [Messages].[SenderID] = :me AND [Messages].[RecipientID] = :partner AND [Messages].[IsDeleted] = 0 UNION ALL SELECT [Messages].[MessageID] AS [MessageID]
FROM [Messages]
WHERE [Messages].[SenderID] = :partner AND [Messages].[RecipientID] = :me AND [Messages].[SenderID] != [Messages].[RecipientID] AND [Messages].[IsDeleted] = 0) AS halves

-- messages._thread_counts[True]
SELECT count(*) AS count_1
FROM (SELECT [Messages].[MessageID] AS [MessageID]
FROM [Messages]
WHERE [Messages].[SenderID] = :me AND [Messages].[RecipientID] = :partner AND [Messages].[IsDeleted] = 0 AND [Messages].[PostID] = :post UNION ALL SELECT [Messages].[MessageID] AS [MessageID]
FROM [Messages]
WHERE [Messages].[SenderID] = :partner AND [Messages].[RecipientID] = :me AND [Messages].[SenderID] != [Messages].[RecipientID] AND [Messages].[IsDeleted] = 0 AND [Messages].[PostID] = :post) AS halves

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
WHERE [MessagingClears].[UserID] = :me AND [MessagingClears].[PartnerID] = [Messages].[RecipientID] AND [MessagingClears].[ClearedUpTo] >= [Messages].[MessageID])) AND [Messages].[MessageID] < :before AND [Messages].[MessageID] > :above ORDER BY [Messages].[MessageID] DESC
 OFFSET :param_1 ROWS
 FETCH FIRST :window ROWS ONLY) AS anon_1 UNION ALL SELECT anon_2.[MessageID] AS [MessageID], anon_2.[MessageContent] AS [MessageContent]
FROM (SELECT [Messages].[MessageID] AS [MessageID], [Messages].[MessageContent] AS [MessageContent]
FROM [Messages]
WHERE [Messages].[RecipientID] = :me AND [Messages].[SenderID] != [Messages].[RecipientID] AND [Messages].[IsDeleted] = 0 AND NOT (EXISTS (SELECT *
FROM [MessagingClears]
WHERE [MessagingClears].[UserID] = :me AND [MessagingClears].[PartnerID] = [Messages].[SenderID] AND [MessagingClears].[ClearedUpTo] >= [Messages].[MessageID])) AND [Messages].[MessageID] < :before AND [Messages].[MessageID] > :above ORDER BY [Messages].[MessageID] DESC
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
WHERE [MessagingClears].[UserID] = :me AND [MessagingClears].[PartnerID] = [Messages].[RecipientID] AND [MessagingClears].[ClearedUpTo] >= [Messages].[MessageID])) AND [Messages].[MessageID] < :before AND [Messages].[MessageID] > :above ORDER BY [Messages].[MessageID] DESC
 OFFSET :param_1 ROWS
 FETCH FIRST :window ROWS ONLY) AS anon_1 UNION ALL SELECT anon_2.[MessageID] AS [MessageID], anon_2.[MessageContent] AS [MessageContent]
FROM (SELECT [Messages].[MessageID] AS [MessageID], [Messages].[MessageContent] AS [MessageContent]
FROM [Messages]
WHERE [Messages].[RecipientID] = :me AND [Messages].[SenderID] = :partner AND [Messages].[SenderID] != [Messages].[RecipientID] AND [Messages].[IsDeleted] = 0 AND NOT (EXISTS (SELECT *
FROM [MessagingClears]
WHERE [MessagingClears].[UserID] = :me AND [MessagingClears].[PartnerID] = [Messages].[SenderID] AND [MessagingClears].[ClearedUpTo] >= [Messages].[MessageID])) AND [Messages].[MessageID] < :before AND [Messages].[MessageID] > :above ORDER BY [Messages].[MessageID] DESC
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
WHERE [MessagingClears].[UserID] = :me AND [MessagingClears].[PartnerID] = [Messages].[RecipientID] AND [MessagingClears].[ClearedUpTo] >= [Messages].[MessageID])) AND [Messages].[MessageID] < :before AND [Messages].[MessageID] > :above ORDER BY [Messages].[MessageID] DESC
 OFFSET :param_1 ROWS
 FETCH FIRST :window ROWS ONLY) AS anon_1 UNION ALL SELECT anon_2.[MessageID] AS [MessageID], anon_2.[MessageContent] AS [MessageContent]
FROM (SELECT [Messages].[MessageID] AS [MessageID], [Messages].[MessageContent] AS [MessageContent]
FROM [Messages]
WHERE [Messages].[RecipientID] = :me AND [Messages].[SenderID] != [Messages].[RecipientID] AND [Messages].[IsDeleted] = 0 AND NOT (EXISTS (SELECT *
FROM [MessagingClears]
WHERE [MessagingClears].[UserID] = :me AND [MessagingClears].[PartnerID] = [Messages].[SenderID] AND [MessagingClears].[ClearedUpTo] >= [Messages].[MessageID])) AND [Messages].[MessageID] < :before AND [Messages].[MessageID] > :above ORDER BY [Messages].[MessageID] DESC
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
WHERE [MessagingClears].[UserID] = :me AND [MessagingClears].[PartnerID] = [Messages].[RecipientID] AND [MessagingClears].[ClearedUpTo] >= [Messages].[MessageID])) AND [Messages].[MessageID] < :before AND [Messages].[MessageID] > :above ORDER BY [Messages].[MessageID] DESC
 OFFSET :param_1 ROWS
 FETCH FIRST :window ROWS ONLY) AS anon_1 UNION ALL SELECT anon_2.[MessageID] AS [MessageID], anon_2.[MessageContent] AS [MessageContent]
FROM (SELECT [Messages].[MessageID] AS [MessageID], [Messages].[MessageContent] AS [MessageContent]
FROM [Messages]
WHERE [Messages].[RecipientID] = :me AND [Messages].[SenderID] = :partner AND [Messages].[SenderID] != [Messages].[RecipientID] AND [Messages].[IsDeleted] = 0 AND NOT (EXISTS (SELECT *
FROM [MessagingClears]
WHERE [MessagingClears].[UserID] = :me AND [MessagingClears].[PartnerID] = [Messages].[SenderID] AND [MessagingClears].[ClearedUpTo] >= [Messages].[MessageID])) AND [Messages].[MessageID] < :before AND [Messages].[MessageID] > :above ORDER BY [Messages].[MessageID] DESC
 OFFSET :param_2 ROWS
 FETCH FIRST :window ROWS ONLY) AS anon_2) AS halves ORDER BY halves.[MessageID] DESC
 OFFSET :param_3 ROWS
 FETCH FIRST :window ROWS ONLY) AS own
WHERE (CAST(own.[MessageContent] AS NVARCHAR(max)) COLLATE Latin1_General_100_CI_AS_SC) LIKE :pattern ESCAPE '!' ORDER BY own.[MessageID] DESC
 OFFSET :param_4 ROWS
 FETCH FIRST :most ROWS ONLY

-- users._one
SELECT [Users].[UserID], [Users].[FullName], [Users].[ProfilePictureURL], [Users].[IsActive]
FROM [Users]
WHERE [Users].[UserID] = :user_id

-- users._two
SELECT [Users].[UserID], [Users].[FullName], [Users].[ProfilePictureURL], [Users].[IsActive]
FROM [Users]
WHERE [Users].[UserID] = :first OR [Users].[UserID] = :second

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
