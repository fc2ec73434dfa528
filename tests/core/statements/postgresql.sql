-- conversations._previews
WITH RECURSIVE sent(pair) AS
(SELECT (SELECT (CAST(messages.recipient_id AS BIGINT) << 32) + messages.message_id AS pair
FROM messages
WHERE messages.sender_id = %(me)s::INTEGER AND messages.is_deleted = false ORDER BY messages.recipient_id DESC, messages.message_id DESC
 LIMIT %(param_1)s::INTEGER) AS pair UNION ALL SELECT (SELECT (CAST(messages.recipient_id AS BIGINT) << 32) + messages.message_id AS pair
FROM messages
WHERE messages.sender_id = %(me)s::INTEGER AND messages.is_deleted = false AND messages.recipient_id < sent.pair >> 32 ORDER BY messages.recipient_id DESC, messages.message_id DESC
 LIMIT %(param_1)s::INTEGER) AS anon_1
FROM sent
WHERE sent.pair IS NOT NULL),
received(pair) AS
(SELECT (SELECT (CAST(messages.sender_id AS BIGINT) << 32) + messages.message_id AS pair
FROM messages
WHERE messages.recipient_id = %(me)s::INTEGER AND messages.is_deleted = false ORDER BY messages.sender_id DESC, messages.message_id DESC
 LIMIT %(param_2)s::INTEGER) AS pair UNION ALL SELECT (SELECT (CAST(messages.sender_id AS BIGINT) << 32) + messages.message_id AS pair
FROM messages
WHERE messages.recipient_id = %(me)s::INTEGER AND messages.is_deleted = false AND messages.sender_id < received.pair >> 32 ORDER BY messages.sender_id DESC, messages.message_id DESC
 LIMIT %(param_2)s::INTEGER) AS anon_2
FROM received
WHERE received.pair IS NOT NULL),
walked AS
(SELECT sent.pair >> 32 AS partner_id, sent.pair & 4294967295 AS message_id
FROM sent
WHERE sent.pair IS NOT NULL UNION ALL SELECT received.pair >> 32 AS partner_id, received.pair & 4294967295 AS message_id
FROM received
WHERE received.pair IS NOT NULL),
newest AS
(SELECT walked.partner_id AS partner_id, max(walked.message_id) AS last_id
FROM walked GROUP BY walked.partner_id),
numbered AS
(SELECT newest.partner_id AS partner_id, newest.last_id AS last_id, row_number() OVER (ORDER BY newest.last_id DESC) AS position, count(*) OVER () AS total
FROM newest),
page AS
(SELECT numbered.partner_id AS partner_id, numbered.last_id AS last_id, numbered.position AS position, numbered.total AS total
FROM numbered
WHERE numbered.position > %(offset)s::INTEGER AND numbered.position <= %(end)s::INTEGER)
 SELECT page.partner_id, page.total, (SELECT count(*) AS count_1
FROM messages AS other
WHERE other.recipient_id = %(me)s::INTEGER AND other.sender_id = page.partner_id AND other.is_read_by_recipient = false AND other.is_read = false AND other.is_deleted = false) AS unread, users.full_name, users.profile_picture_url, messages.message_content, messages.created_at, messages.sender_id, messages.post_id, posts.title
FROM page JOIN messages ON messages.message_id = page.last_id LEFT OUTER JOIN users ON users.user_id = page.partner_id LEFT OUTER JOIN posts ON posts.post_id = messages.post_id ORDER BY page.position

-- conversations._partners
WITH RECURSIVE sent(pair) AS
(SELECT (SELECT (CAST(messages.recipient_id AS BIGINT) << 32) + messages.message_id AS pair
FROM messages
WHERE messages.sender_id = %(me)s::INTEGER AND messages.is_deleted = false ORDER BY messages.recipient_id DESC, messages.message_id DESC
 LIMIT %(param_1)s::INTEGER) AS pair UNION ALL SELECT (SELECT (CAST(messages.recipient_id AS BIGINT) << 32) + messages.message_id AS pair
FROM messages
WHERE messages.sender_id = %(me)s::INTEGER AND messages.is_deleted = false AND messages.recipient_id < sent.pair >> 32 ORDER BY messages.recipient_id DESC, messages.message_id DESC
 LIMIT %(param_1)s::INTEGER) AS anon_1
FROM sent
WHERE sent.pair IS NOT NULL),
received(pair) AS
(SELECT (SELECT (CAST(messages.sender_id AS BIGINT) << 32) + messages.message_id AS pair
FROM messages
WHERE messages.recipient_id = %(me)s::INTEGER AND messages.is_deleted = false ORDER BY messages.sender_id DESC, messages.message_id DESC
 LIMIT %(param_2)s::INTEGER) AS pair UNION ALL SELECT (SELECT (CAST(messages.sender_id AS BIGINT) << 32) + messages.message_id AS pair
FROM messages
WHERE messages.recipient_id = %(me)s::INTEGER AND messages.is_deleted = false AND messages.sender_id < received.pair >> 32 ORDER BY messages.sender_id DESC, messages.message_id DESC
 LIMIT %(param_2)s::INTEGER) AS anon_2
FROM received
WHERE received.pair IS NOT NULL),
walked AS
(SELECT sent.pair >> 32 AS partner_id, sent.pair & 4294967295 AS message_id
FROM sent
WHERE sent.pair IS NOT NULL UNION ALL SELECT received.pair >> 32 AS partner_id, received.pair & 4294967295 AS message_id
FROM received
WHERE received.pair IS NOT NULL),
newest AS
(SELECT walked.partner_id AS partner_id, max(walked.message_id) AS last_id
FROM walked GROUP BY walked.partner_id)
 SELECT count(*) AS count_1
FROM newest

-- conversations._unread_count
SELECT count(*) AS count_1
FROM messages
WHERE messages.recipient_id = %(me)s::INTEGER AND messages.is_read_by_recipient = false AND messages.is_read = false AND messages.is_deleted = false

-- conversations._unread_ids
SELECT messages.message_id
FROM messages
WHERE messages.sender_id = %(partner)s::INTEGER AND messages.recipient_id = %(me)s::INTEGER AND messages.is_read_by_recipient = false AND messages.is_read = false AND messages.is_deleted = false ORDER BY messages.message_id

-- conversations._mark_received
UPDATE messages SET is_read_by_recipient=%(is_read_by_recipient)s, recipient_read_at=%(now)s::TIMESTAMP WITH TIME ZONE, is_read=%(is_read)s, read_at=%(now)s::TIMESTAMP WITH TIME ZONE, updated_at=%(now)s::TIMESTAMP WITH TIME ZONE WHERE messages.sender_id = %(partner)s::INTEGER AND messages.recipient_id = %(me)s::INTEGER AND messages.is_read_by_recipient = false AND messages.is_read = false AND messages.is_deleted = false AND messages.message_id <= %(last)s::INTEGER

-- conversations._mark_sent
UPDATE messages SET is_read_by_sender=%(is_read_by_sender)s, sender_read_at=%(now)s::TIMESTAMP WITH TIME ZONE, updated_at=%(now)s::TIMESTAMP WITH TIME ZONE WHERE messages.sender_id = %(me)s::INTEGER AND messages.recipient_id = %(partner)s::INTEGER AND messages.is_read_by_sender = false AND messages.is_deleted = false

-- conversations._any_between
SELECT %(param_1)s::INTEGER AS one
WHERE (EXISTS (SELECT *
FROM messages
WHERE messages.sender_id = %(me)s::INTEGER AND messages.recipient_id = %(partner)s::INTEGER AND messages.is_deleted = false)) OR (EXISTS (SELECT *
FROM messages
WHERE messages.sender_id = %(partner)s::INTEGER AND messages.recipient_id = %(me)s::INTEGER AND messages.is_deleted = false))

-- demo_data._highest
SELECT max(users.user_id) AS max_1
FROM users

-- messages._insert
INSERT INTO messages (sender_id, recipient_id, post_id, message_content, message_type, attachment_url, is_read_by_recipient, is_read_by_sender, is_read, is_deleted, is_edited, parent_message_id, created_at, updated_at) VALUES (%(sender_id)s::INTEGER, %(recipient_id)s::INTEGER, %(post_id)s::INTEGER, %(message_content)s::VARCHAR, %(message_type)s::VARCHAR, %(attachment_url)s::VARCHAR, %(is_read_by_recipient)s, %(is_read_by_sender)s, %(is_read)s, %(is_deleted)s, %(is_edited)s, %(parent_message_id)s::INTEGER, %(now)s::TIMESTAMP WITH TIME ZONE, %(now)s::TIMESTAMP WITH TIME ZONE) RETURNING messages.message_id

-- messages._several
SELECT messages.message_id, messages.sender_id, messages.recipient_id, messages.post_id, messages.message_content, messages.message_type, messages.attachment_url, messages.is_read_by_recipient, messages.recipient_read_at, messages.is_read_by_sender, messages.sender_read_at, messages.is_read, messages.read_at, messages.is_deleted, messages.deleted_by, messages.is_edited, messages.edited_at, messages.parent_message_id, messages.created_at, messages.updated_at, sender.full_name AS sender_name, sender.profile_picture_url AS sender_picture, recipient.full_name AS recipient_name, recipient.profile_picture_url AS recipient_picture, posts.title AS post_title, posts.price AS post_price, posts.status AS post_status, (SELECT post_images.image_url
FROM post_images
WHERE post_images.post_id = messages.post_id ORDER BY post_images.display_order, post_images.image_id
 LIMIT %(param_1)s::INTEGER) AS post_image
FROM messages LEFT OUTER JOIN users AS sender ON sender.user_id = messages.sender_id LEFT OUTER JOIN users AS recipient ON recipient.user_id = messages.recipient_id LEFT OUTER JOIN posts ON posts.post_id = messages.post_id
WHERE messages.message_id IN (%(id0)s::INTEGER, %(id1)s::INTEGER, %(id2)s::INTEGER, %(id3)s::INTEGER, %(id4)s::INTEGER, %(id5)s::INTEGER, %(id6)s::INTEGER, %(id7)s::INTEGER, %(id8)s::INTEGER, %(id9)s::INTEGER, %(id10)s::INTEGER, %(id11)s::INTEGER, %(id12)s::INTEGER, %(id13)s::INTEGER, %(id14)s::INTEGER, %(id15)s::INTEGER, %(id16)s::INTEGER, %(id17)s::INTEGER, %(id18)s::INTEGER, %(id19)s::INTEGER, %(id20)s::INTEGER, %(id21)s::INTEGER, %(id22)s::INTEGER, %(id23)s::INTEGER, %(id24)s::INTEGER, %(id25)s::INTEGER, %(id26)s::INTEGER, %(id27)s::INTEGER, %(id28)s::INTEGER, %(id29)s::INTEGER, %(id30)s::INTEGER, %(id31)s::INTEGER, %(id32)s::INTEGER, %(id33)s::INTEGER, %(id34)s::INTEGER, %(id35)s::INTEGER, %(id36)s::INTEGER, %(id37)s::INTEGER, %(id38)s::INTEGER, %(id39)s::INTEGER, %(id40)s::INTEGER, %(id41)s::INTEGER, %(id42)s::INTEGER, %(id43)s::INTEGER, %(id44)s::INTEGER, %(id45)s::INTEGER, %(id46)s::INTEGER, %(id47)s::INTEGER, %(id48)s::INTEGER, %(id49)s::INTEGER, %(id50)s::INTEGER, %(id51)s::INTEGER, %(id52)s::INTEGER, %(id53)s::INTEGER, %(id54)s::INTEGER, %(id55)s::INTEGER, %(id56)s::INTEGER, %(id57)s::INTEGER, %(id58)s::INTEGER, %(id59)s::INTEGER, %(id60)s::INTEGER, %(id61)s::INTEGER, %(id62)s::INTEGER, %(id63)s::INTEGER, %(id64)s::INTEGER, %(id65)s::INTEGER, %(id66)s::INTEGER, %(id67)s::INTEGER, %(id68)s::INTEGER, %(id69)s::INTEGER, %(id70)s::INTEGER, %(id71)s::INTEGER, %(id72)s::INTEGER, %(id73)s::INTEGER, %(id74)s::INTEGER, %(id75)s::INTEGER, %(id76)s::INTEGER, %(id77)s::INTEGER, %(id78)s::INTEGER, %(id79)s::INTEGER, %(id80)s::INTEGER, %(id81)s::INTEGER, %(id82)s::INTEGER, %(id83)s::INTEGER, %(id84)s::INTEGER, %(id85)s::INTEGER, %(id86)s::INTEGER, %(id87)s::INTEGER, %(id88)s::INTEGER, %(id89)s::INTEGER, %(id90)s::INTEGER, %(id91)s::INTEGER, %(id92)s::INTEGER, %(id93)s::INTEGER, %(id94)s::INTEGER, %(id95)s::INTEGER, %(id96)s::INTEGER, %(id97)s::INTEGER, %(id98)s::INTEGER, %(id99)s::INTEGER)

-- messages._one
SELECT messages.message_id, messages.sender_id, messages.recipient_id, messages.post_id, messages.message_content, messages.message_type, messages.attachment_url, messages.is_read_by_recipient, messages.recipient_read_at, messages.is_read_by_sender, messages.sender_read_at, messages.is_read, messages.read_at, messages.is_deleted, messages.deleted_by, messages.is_edited, messages.edited_at, messages.parent_message_id, messages.created_at, messages.updated_at, sender.full_name AS sender_name, sender.profile_picture_url AS sender_picture, recipient.full_name AS recipient_name, recipient.profile_picture_url AS recipient_picture, posts.title AS post_title, posts.price AS post_price, posts.status AS post_status, (SELECT post_images.image_url
FROM post_images
WHERE post_images.post_id = messages.post_id ORDER BY post_images.display_order, post_images.image_id
 LIMIT %(param_1)s::INTEGER) AS post_image
FROM messages LEFT OUTER JOIN users AS sender ON sender.user_id = messages.sender_id LEFT OUTER JOIN users AS recipient ON recipient.user_id = messages.recipient_id LEFT OUTER JOIN posts ON posts.post_id = messages.post_id
WHERE messages.message_id = %(id)s::INTEGER

-- messages._facts
SELECT messages.message_id, messages.sender_id, messages.recipient_id, messages.is_deleted, messages.created_at
FROM messages
WHERE messages.message_id = %(id)s::INTEGER

-- messages._threads[False]
SELECT messages.message_id, messages.sender_id, messages.recipient_id, messages.post_id, messages.message_content, messages.message_type, messages.attachment_url, messages.is_read_by_recipient, messages.recipient_read_at, messages.is_read_by_sender, messages.sender_read_at, messages.is_read, messages.read_at, messages.is_deleted, messages.deleted_by, messages.is_edited, messages.edited_at, messages.parent_message_id, messages.created_at, messages.updated_at, sender.full_name AS sender_name, sender.profile_picture_url AS sender_picture, recipient.full_name AS recipient_name, recipient.profile_picture_url AS recipient_picture, posts.title AS post_title, posts.price AS post_price, posts.status AS post_status, (SELECT post_images.image_url
FROM post_images
WHERE post_images.post_id = messages.post_id ORDER BY post_images.display_order, post_images.image_id
 LIMIT %(param_1)s::INTEGER) AS post_image
FROM messages LEFT OUTER JOIN users AS sender ON sender.user_id = messages.sender_id LEFT OUTER JOIN users AS recipient ON recipient.user_id = messages.recipient_id LEFT OUTER JOIN posts ON posts.post_id = messages.post_id JOIN (SELECT halves.message_id AS message_id, row_number() OVER (ORDER BY halves.message_id DESC) AS position
FROM (SELECT anon_1.message_id AS message_id
FROM (SELECT messages.message_id AS message_id
FROM messages
WHERE messages.sender_id = %(me)s::INTEGER AND messages.recipient_id = %(partner)s::INTEGER AND messages.is_deleted = false ORDER BY messages.message_id DESC
 LIMIT %(end)s::INTEGER OFFSET %(param_2)s::INTEGER) AS anon_1 UNION ALL SELECT anon_2.message_id AS message_id
FROM (SELECT messages.message_id AS message_id
FROM messages
WHERE messages.sender_id = %(partner)s::INTEGER AND messages.recipient_id = %(me)s::INTEGER AND messages.sender_id != messages.recipient_id AND messages.is_deleted = false ORDER BY messages.message_id DESC
 LIMIT %(end)s::INTEGER OFFSET %(param_3)s::INTEGER) AS anon_2) AS halves) AS numbered ON numbered.message_id = messages.message_id AND numbered.position > %(offset)s::INTEGER AND numbered.position <= %(end)s::INTEGER ORDER BY numbered.position

-- messages._threads[True]
SELECT messages.message_id, messages.sender_id, messages.recipient_id, messages.post_id, messages.message_content, messages.message_type, messages.attachment_url, messages.is_read_by_recipient, messages.recipient_read_at, messages.is_read_by_sender, messages.sender_read_at, messages.is_read, messages.read_at, messages.is_deleted, messages.deleted_by, messages.is_edited, messages.edited_at, messages.parent_message_id, messages.created_at, messages.updated_at, sender.full_name AS sender_name, sender.profile_picture_url AS sender_picture, recipient.full_name AS recipient_name, recipient.profile_picture_url AS recipient_picture, posts.title AS post_title, posts.price AS post_price, posts.status AS post_status, (SELECT post_images.image_url
FROM post_images
WHERE post_images.post_id = messages.post_id ORDER BY post_images.display_order, post_images.image_id
 LIMIT %(param_1)s::INTEGER) AS post_image
FROM messages LEFT OUTER JOIN users AS sender ON sender.user_id = messages.sender_id LEFT OUTER JOIN users AS recipient ON recipient.user_id = messages.recipient_id LEFT OUTER JOIN posts ON posts.post_id = messages.post_id JOIN (SELECT halves.message_id AS message_id, row_number() OVER (ORDER BY halves.message_id DESC) AS position
FROM (SELECT anon_1.message_id AS message_id
FROM (SELECT messages.message_id AS message_id
FROM messages
WHERE messages.sender_id = %(me)s::INTEGER AND messages.recipient_id = %(partner)s::INTEGER AND messages.is_deleted = false AND messages.post_id = %(post)s::INTEGER ORDER BY messages.message_id DESC
 LIMIT %(end)s::INTEGER OFFSET %(param_2)s::INTEGER) AS anon_1 UNION ALL SELECT anon_2.message_id AS message_id
FROM (SELECT messages.message_id AS message_id
FROM messages
WHERE messages.sender_id = %(partner)s::INTEGER AND messages.recipient_id = %(me)s::INTEGER AND messages.sender_id != messages.recipient_id AND messages.is_deleted = false AND messages.post_id = %(post)s::INTEGER ORDER BY messages.message_id DESC
 LIMIT %(end)s::INTEGER OFFSET %(param_3)s::INTEGER) AS anon_2) AS halves) AS numbered ON numbered.message_id = messages.message_id AND numbered.position > %(offset)s::INTEGER AND numbered.position <= %(end)s::INTEGER ORDER BY numbered.position

-- messages._thread_counts[False]
SELECT count(*) AS count_1
FROM (SELECT messages.message_id AS message_id
FROM messages
WHERE messages.sender_id = %(me)s::INTEGER AND messages.recipient_id = %(partner)s::INTEGER AND messages.is_deleted = false UNION ALL SELECT messages.message_id AS message_id
FROM messages
WHERE messages.sender_id = %(partner)s::INTEGER AND messages.recipient_id = %(me)s::INTEGER AND messages.sender_id != messages.recipient_id AND messages.is_deleted = false) AS halves

-- messages._thread_counts[True]
SELECT count(*) AS count_1
FROM (SELECT messages.message_id AS message_id
FROM messages
WHERE messages.sender_id = %(me)s::INTEGER AND messages.recipient_id = %(partner)s::INTEGER AND messages.is_deleted = false AND messages.post_id = %(post)s::INTEGER UNION ALL SELECT messages.message_id AS message_id
FROM messages
WHERE messages.sender_id = %(partner)s::INTEGER AND messages.recipient_id = %(me)s::INTEGER AND messages.sender_id != messages.recipient_id AND messages.is_deleted = false AND messages.post_id = %(post)s::INTEGER) AS halves

-- messages._mark_recipient
UPDATE messages SET is_read_by_recipient=%(is_read_by_recipient)s, recipient_read_at=%(now)s::TIMESTAMP WITH TIME ZONE, is_read=%(is_read)s, read_at=%(now)s::TIMESTAMP WITH TIME ZONE, updated_at=%(now)s::TIMESTAMP WITH TIME ZONE WHERE messages.message_id = %(id)s::INTEGER AND messages.is_read_by_recipient = false AND messages.is_read = false AND messages.is_deleted = false

-- messages._mark_sender
UPDATE messages SET is_read_by_sender=%(is_read_by_sender)s, sender_read_at=%(now)s::TIMESTAMP WITH TIME ZONE, updated_at=%(now)s::TIMESTAMP WITH TIME ZONE WHERE messages.message_id = %(id)s::INTEGER

-- messages._edit
UPDATE messages SET message_content=%(content)s::VARCHAR, is_edited=%(is_edited)s, edited_at=%(now)s::TIMESTAMP WITH TIME ZONE, updated_at=%(now)s::TIMESTAMP WITH TIME ZONE WHERE messages.message_id = %(id)s::INTEGER AND messages.is_deleted = false

-- messages._delete
UPDATE messages SET is_deleted=%(is_deleted)s, deleted_by=%(deleted_by)s::INTEGER, updated_at=%(now)s::TIMESTAMP WITH TIME ZONE WHERE messages.message_id = %(id)s::INTEGER AND messages.is_deleted = false

-- posts._one
SELECT posts.post_id, posts.title, posts.price, posts.status, (SELECT post_images.image_url
FROM post_images
WHERE post_images.post_id = posts.post_id ORDER BY post_images.display_order, post_images.image_id
 LIMIT %(param_1)s::INTEGER) AS image_url
FROM posts
WHERE posts.post_id = %(post_id)s::INTEGER

-- search._reaches[False]
SELECT count(*) AS messages, min(newest.message_id) AS lowest, max(newest.message_id) AS highest
FROM (SELECT halves.message_id AS message_id
FROM (SELECT anon_1.message_id AS message_id
FROM (SELECT messages.message_id AS message_id
FROM messages
WHERE messages.sender_id = %(me)s::INTEGER AND messages.message_id < %(before)s::INTEGER AND messages.message_id > %(above)s::INTEGER ORDER BY messages.message_id DESC
 LIMIT %(window)s::INTEGER OFFSET %(param_1)s::INTEGER) AS anon_1 UNION ALL SELECT anon_2.message_id AS message_id
FROM (SELECT messages.message_id AS message_id
FROM messages
WHERE messages.recipient_id = %(me)s::INTEGER AND messages.sender_id != messages.recipient_id AND messages.message_id < %(before)s::INTEGER AND messages.message_id > %(above)s::INTEGER ORDER BY messages.message_id DESC
 LIMIT %(window)s::INTEGER OFFSET %(param_2)s::INTEGER) AS anon_2) AS halves ORDER BY halves.message_id DESC
 LIMIT %(window)s::INTEGER OFFSET %(param_3)s::INTEGER) AS newest

-- search._reaches[True]
SELECT count(*) AS messages, min(newest.message_id) AS lowest, max(newest.message_id) AS highest
FROM (SELECT halves.message_id AS message_id
FROM (SELECT anon_1.message_id AS message_id
FROM (SELECT messages.message_id AS message_id
FROM messages
WHERE messages.sender_id = %(me)s::INTEGER AND messages.recipient_id = %(partner)s::INTEGER AND messages.message_id < %(before)s::INTEGER AND messages.message_id > %(above)s::INTEGER ORDER BY messages.message_id DESC
 LIMIT %(window)s::INTEGER OFFSET %(param_1)s::INTEGER) AS anon_1 UNION ALL SELECT anon_2.message_id AS message_id
FROM (SELECT messages.message_id AS message_id
FROM messages
WHERE messages.recipient_id = %(me)s::INTEGER AND messages.sender_id = %(partner)s::INTEGER AND messages.sender_id != messages.recipient_id AND messages.message_id < %(before)s::INTEGER AND messages.message_id > %(above)s::INTEGER ORDER BY messages.message_id DESC
 LIMIT %(window)s::INTEGER OFFSET %(param_2)s::INTEGER) AS anon_2) AS halves ORDER BY halves.message_id DESC
 LIMIT %(window)s::INTEGER OFFSET %(param_3)s::INTEGER) AS newest

-- search._matching_owns[False]
SELECT own.message_id, own.message_content
FROM (SELECT halves.message_id AS message_id, halves.message_content AS message_content
FROM (SELECT anon_1.message_id AS message_id, anon_1.message_content AS message_content
FROM (SELECT messages.message_id AS message_id, messages.message_content AS message_content
FROM messages
WHERE messages.sender_id = %(me)s::INTEGER AND messages.is_deleted = false AND NOT (EXISTS (SELECT *
FROM messaging_clears
WHERE messaging_clears.user_id = %(me)s::INTEGER AND messaging_clears.partner_id = messages.recipient_id AND messaging_clears.cleared_up_to >= messages.message_id)) AND messages.message_id < %(before)s::INTEGER AND messages.message_id > %(above)s::INTEGER ORDER BY messages.message_id DESC
 LIMIT %(window)s::INTEGER OFFSET %(param_1)s::INTEGER) AS anon_1 UNION ALL SELECT anon_2.message_id AS message_id, anon_2.message_content AS message_content
FROM (SELECT messages.message_id AS message_id, messages.message_content AS message_content
FROM messages
WHERE messages.recipient_id = %(me)s::INTEGER AND messages.sender_id != messages.recipient_id AND messages.is_deleted = false AND NOT (EXISTS (SELECT *
FROM messaging_clears
WHERE messaging_clears.user_id = %(me)s::INTEGER AND messaging_clears.partner_id = messages.sender_id AND messaging_clears.cleared_up_to >= messages.message_id)) AND messages.message_id < %(before)s::INTEGER AND messages.message_id > %(above)s::INTEGER ORDER BY messages.message_id DESC
 LIMIT %(window)s::INTEGER OFFSET %(param_2)s::INTEGER) AS anon_2) AS halves ORDER BY halves.message_id DESC
 LIMIT %(window)s::INTEGER OFFSET %(param_3)s::INTEGER) AS own
WHERE CASE WHEN (char_length(own.message_content) = octet_length(own.message_content)) THEN lower(own.message_content COLLATE "C") COLLATE "C" ELSE replace(replace(replace(replace(lower(own.message_content COLLATE "und-x-icu"), U&'\03c2', U&'\03c3'), U&'\0131', 'i'), U&'\00df', 'ss'), U&'\0307', '') COLLATE "C" END LIKE CASE WHEN (char_length(%(pattern)s::VARCHAR) = octet_length(%(pattern)s::VARCHAR)) THEN lower(%(pattern)s::VARCHAR COLLATE "C") COLLATE "C" ELSE replace(replace(replace(replace(lower(%(pattern)s::VARCHAR COLLATE "und-x-icu"), U&'\03c2', U&'\03c3'), U&'\0131', 'i'), U&'\00df', 'ss'), U&'\0307', '') COLLATE "C" END ESCAPE '!' ORDER BY own.message_id DESC
 LIMIT %(most)s::INTEGER OFFSET %(param_4)s::INTEGER

-- search._matching_owns[True]
SELECT own.message_id, own.message_content
FROM (SELECT halves.message_id AS message_id, halves.message_content AS message_content
FROM (SELECT anon_1.message_id AS message_id, anon_1.message_content AS message_content
FROM (SELECT messages.message_id AS message_id, messages.message_content AS message_content
FROM messages
WHERE messages.sender_id = %(me)s::INTEGER AND messages.recipient_id = %(partner)s::INTEGER AND messages.is_deleted = false AND NOT (EXISTS (SELECT *
FROM messaging_clears
WHERE messaging_clears.user_id = %(me)s::INTEGER AND messaging_clears.partner_id = messages.recipient_id AND messaging_clears.cleared_up_to >= messages.message_id)) AND messages.message_id < %(before)s::INTEGER AND messages.message_id > %(above)s::INTEGER ORDER BY messages.message_id DESC
 LIMIT %(window)s::INTEGER OFFSET %(param_1)s::INTEGER) AS anon_1 UNION ALL SELECT anon_2.message_id AS message_id, anon_2.message_content AS message_content
FROM (SELECT messages.message_id AS message_id, messages.message_content AS message_content
FROM messages
WHERE messages.recipient_id = %(me)s::INTEGER AND messages.sender_id = %(partner)s::INTEGER AND messages.sender_id != messages.recipient_id AND messages.is_deleted = false AND NOT (EXISTS (SELECT *
FROM messaging_clears
WHERE messaging_clears.user_id = %(me)s::INTEGER AND messaging_clears.partner_id = messages.sender_id AND messaging_clears.cleared_up_to >= messages.message_id)) AND messages.message_id < %(before)s::INTEGER AND messages.message_id > %(above)s::INTEGER ORDER BY messages.message_id DESC
 LIMIT %(window)s::INTEGER OFFSET %(param_2)s::INTEGER) AS anon_2) AS halves ORDER BY halves.message_id DESC
 LIMIT %(window)s::INTEGER OFFSET %(param_3)s::INTEGER) AS own
WHERE CASE WHEN (char_length(own.message_content) = octet_length(own.message_content)) THEN lower(own.message_content COLLATE "C") COLLATE "C" ELSE replace(replace(replace(replace(lower(own.message_content COLLATE "und-x-icu"), U&'\03c2', U&'\03c3'), U&'\0131', 'i'), U&'\00df', 'ss'), U&'\0307', '') COLLATE "C" END LIKE CASE WHEN (char_length(%(pattern)s::VARCHAR) = octet_length(%(pattern)s::VARCHAR)) THEN lower(%(pattern)s::VARCHAR COLLATE "C") COLLATE "C" ELSE replace(replace(replace(replace(lower(%(pattern)s::VARCHAR COLLATE "und-x-icu"), U&'\03c2', U&'\03c3'), U&'\0131', 'i'), U&'\00df', 'ss'), U&'\0307', '') COLLATE "C" END ESCAPE '!' ORDER BY own.message_id DESC
 LIMIT %(most)s::INTEGER OFFSET %(param_4)s::INTEGER

-- search._plain_owns[False]
SELECT own.message_id, own.message_content
FROM (SELECT halves.message_id AS message_id, halves.message_content AS message_content
FROM (SELECT anon_1.message_id AS message_id, anon_1.message_content AS message_content
FROM (SELECT messages.message_id AS message_id, messages.message_content AS message_content
FROM messages
WHERE messages.sender_id = %(me)s::INTEGER AND messages.is_deleted = false AND NOT (EXISTS (SELECT *
FROM messaging_clears
WHERE messaging_clears.user_id = %(me)s::INTEGER AND messaging_clears.partner_id = messages.recipient_id AND messaging_clears.cleared_up_to >= messages.message_id)) AND messages.message_id < %(before)s::INTEGER AND messages.message_id > %(above)s::INTEGER ORDER BY messages.message_id DESC
 LIMIT %(window)s::INTEGER OFFSET %(param_1)s::INTEGER) AS anon_1 UNION ALL SELECT anon_2.message_id AS message_id, anon_2.message_content AS message_content
FROM (SELECT messages.message_id AS message_id, messages.message_content AS message_content
FROM messages
WHERE messages.recipient_id = %(me)s::INTEGER AND messages.sender_id != messages.recipient_id AND messages.is_deleted = false AND NOT (EXISTS (SELECT *
FROM messaging_clears
WHERE messaging_clears.user_id = %(me)s::INTEGER AND messaging_clears.partner_id = messages.sender_id AND messaging_clears.cleared_up_to >= messages.message_id)) AND messages.message_id < %(before)s::INTEGER AND messages.message_id > %(above)s::INTEGER ORDER BY messages.message_id DESC
 LIMIT %(window)s::INTEGER OFFSET %(param_2)s::INTEGER) AS anon_2) AS halves ORDER BY halves.message_id DESC
 LIMIT %(window)s::INTEGER OFFSET %(param_3)s::INTEGER) AS own
WHERE lower(own.message_content) LIKE lower(%(pattern)s::VARCHAR) ESCAPE '!' ORDER BY own.message_id DESC
 LIMIT %(most)s::INTEGER OFFSET %(param_4)s::INTEGER

-- search._plain_owns[True]
SELECT own.message_id, own.message_content
FROM (SELECT halves.message_id AS message_id, halves.message_content AS message_content
FROM (SELECT anon_1.message_id AS message_id, anon_1.message_content AS message_content
FROM (SELECT messages.message_id AS message_id, messages.message_content AS message_content
FROM messages
WHERE messages.sender_id = %(me)s::INTEGER AND messages.recipient_id = %(partner)s::INTEGER AND messages.is_deleted = false AND NOT (EXISTS (SELECT *
FROM messaging_clears
WHERE messaging_clears.user_id = %(me)s::INTEGER AND messaging_clears.partner_id = messages.recipient_id AND messaging_clears.cleared_up_to >= messages.message_id)) AND messages.message_id < %(before)s::INTEGER AND messages.message_id > %(above)s::INTEGER ORDER BY messages.message_id DESC
 LIMIT %(window)s::INTEGER OFFSET %(param_1)s::INTEGER) AS anon_1 UNION ALL SELECT anon_2.message_id AS message_id, anon_2.message_content AS message_content
FROM (SELECT messages.message_id AS message_id, messages.message_content AS message_content
FROM messages
WHERE messages.recipient_id = %(me)s::INTEGER AND messages.sender_id = %(partner)s::INTEGER AND messages.sender_id != messages.recipient_id AND messages.is_deleted = false AND NOT (EXISTS (SELECT *
FROM messaging_clears
WHERE messaging_clears.user_id = %(me)s::INTEGER AND messaging_clears.partner_id = messages.sender_id AND messaging_clears.cleared_up_to >= messages.message_id)) AND messages.message_id < %(before)s::INTEGER AND messages.message_id > %(above)s::INTEGER ORDER BY messages.message_id DESC
 LIMIT %(window)s::INTEGER OFFSET %(param_2)s::INTEGER) AS anon_2) AS halves ORDER BY halves.message_id DESC
 LIMIT %(window)s::INTEGER OFFSET %(param_3)s::INTEGER) AS own
WHERE lower(own.message_content) LIKE lower(%(pattern)s::VARCHAR) ESCAPE '!' ORDER BY own.message_id DESC
 LIMIT %(most)s::INTEGER OFFSET %(param_4)s::INTEGER

-- search._by_trigrams_of[False]
SELECT found.message_id, found.message_content
FROM (SELECT messages.message_id AS message_id, messages.message_content AS message_content
FROM messages
WHERE (messages.sender_id = 1 OR messages.recipient_id = 1) AND messages.is_deleted = false AND NOT (EXISTS (SELECT *
FROM messaging_clears
WHERE messaging_clears.user_id = 1 AND messaging_clears.partner_id = CASE WHEN (messages.sender_id = 1) THEN messages.recipient_id ELSE messages.sender_id END AND messaging_clears.cleared_up_to >= messages.message_id)) AND messages.message_id < %(before)s::INTEGER AND CASE WHEN (char_length(messages.message_content) = octet_length(messages.message_content)) THEN lower(messages.message_content COLLATE "C") COLLATE "C" ELSE replace(replace(replace(replace(lower(messages.message_content COLLATE "und-x-icu"), U&'\03c2', U&'\03c3'), U&'\0131', 'i'), U&'\00df', 'ss'), U&'\0307', '') COLLATE "C" END LIKE CASE WHEN (char_length(%(pattern)s::VARCHAR) = octet_length(%(pattern)s::VARCHAR)) THEN lower(%(pattern)s::VARCHAR COLLATE "C") COLLATE "C" ELSE replace(replace(replace(replace(lower(%(pattern)s::VARCHAR COLLATE "und-x-icu"), U&'\03c2', U&'\03c3'), U&'\0131', 'i'), U&'\00df', 'ss'), U&'\0307', '') COLLATE "C" END ESCAPE '!'
 LIMIT ALL OFFSET 0) AS found ORDER BY found.message_id DESC
 LIMIT %(most)s::INTEGER

-- search._by_trigrams_of[True]
SELECT found.message_id, found.message_content
FROM (SELECT messages.message_id AS message_id, messages.message_content AS message_content
FROM messages
WHERE (messages.sender_id = 1 AND messages.recipient_id = 1 OR messages.sender_id = 1 AND messages.recipient_id = 1) AND messages.is_deleted = false AND NOT (EXISTS (SELECT *
FROM messaging_clears
WHERE messaging_clears.user_id = 1 AND messaging_clears.partner_id = CASE WHEN (messages.sender_id = 1) THEN messages.recipient_id ELSE messages.sender_id END AND messaging_clears.cleared_up_to >= messages.message_id)) AND messages.message_id < %(before)s::INTEGER AND CASE WHEN (char_length(messages.message_content) = octet_length(messages.message_content)) THEN lower(messages.message_content COLLATE "C") COLLATE "C" ELSE replace(replace(replace(replace(lower(messages.message_content COLLATE "und-x-icu"), U&'\03c2', U&'\03c3'), U&'\0131', 'i'), U&'\00df', 'ss'), U&'\0307', '') COLLATE "C" END LIKE CASE WHEN (char_length(%(pattern)s::VARCHAR) = octet_length(%(pattern)s::VARCHAR)) THEN lower(%(pattern)s::VARCHAR COLLATE "C") COLLATE "C" ELSE replace(replace(replace(replace(lower(%(pattern)s::VARCHAR COLLATE "und-x-icu"), U&'\03c2', U&'\03c3'), U&'\0131', 'i'), U&'\00df', 'ss'), U&'\0307', '') COLLATE "C" END ESCAPE '!'
 LIMIT ALL OFFSET 0) AS found ORDER BY found.message_id DESC
 LIMIT %(most)s::INTEGER

-- search._has_trigrams
SELECT count(*) AS indexes
FROM pg_index
WHERE indexrelid = to_regclass('ix_messages_content') AND indisvalid

-- users._one
SELECT users.user_id, users.full_name, users.profile_picture_url, users.is_active
FROM users
WHERE users.user_id = %(user_id)s::INTEGER

-- users._two
SELECT users.user_id, users.full_name, users.profile_picture_url, users.is_active
FROM users
WHERE users.user_id = %(first)s::INTEGER OR users.user_id = %(second)s::INTEGER

-- users._email
SELECT users.email
FROM users
WHERE users.user_id = %(user_id)s::INTEGER AND users.is_active = true

-- users._first
SELECT users.user_id, users.full_name
FROM users
WHERE users.is_active = true ORDER BY users.user_id
 LIMIT %(limit)s::INTEGER

-- users._is_active
SELECT users.is_active
FROM users
WHERE users.user_id = %(user_id)s::INTEGER
