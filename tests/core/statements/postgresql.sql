-- attachments._of_user
SELECT messaging_uploads.is_refused, messaging_uploads.created_at
FROM messaging_uploads
WHERE messaging_uploads.user_id = %(user_id)s::INTEGER AND messaging_uploads.created_at > %(since)s::TIMESTAMP WITH TIME ZONE ORDER BY messaging_uploads.created_at

-- attachments._begin
INSERT INTO messaging_uploads (user_id, is_refused, created_at, check_at) VALUES (%(user_id)s::INTEGER, %(is_refused)s, %(created_at)s::TIMESTAMP WITH TIME ZONE, %(check_at)s::TIMESTAMP WITH TIME ZONE) RETURNING messaging_uploads.upload_id

-- attachments._store
UPDATE messaging_uploads SET url=%(url)s::VARCHAR, check_at=%(check_at)s::TIMESTAMP WITH TIME ZONE WHERE messaging_uploads.upload_id = %(id)s::INTEGER

-- attachments._refuse
UPDATE messaging_uploads SET is_refused=%(is_refused)s, check_at=%(check_at)s::TIMESTAMP WITH TIME ZONE WHERE messaging_uploads.upload_id = %(id)s::INTEGER

-- attachments._check
UPDATE messaging_uploads SET check_at=%(check_at)s::TIMESTAMP WITH TIME ZONE WHERE messaging_uploads.upload_id = %(id)s::INTEGER AND messaging_uploads.check_at BETWEEN %(earliest)s::TIMESTAMP WITH TIME ZONE AND %(latest)s::TIMESTAMP WITH TIME ZONE

-- attachments._check_of_message
UPDATE messaging_uploads SET check_at=%(check_at)s::TIMESTAMP WITH TIME ZONE WHERE messaging_uploads.url = (SELECT messages.attachment_url
FROM messages
WHERE messages.message_id = %(id)s::INTEGER)

-- attachments._due
SELECT messaging_uploads.upload_id, messaging_uploads.url, messaging_uploads.created_at, messaging_uploads.check_at, (SELECT min(messages.message_id) AS min_1
FROM messages
WHERE messages.attachment_url = messaging_uploads.url AND messages.is_deleted = false) AS used_by
FROM messaging_uploads
WHERE messaging_uploads.check_at <= %(check_at)s::TIMESTAMP WITH TIME ZONE ORDER BY messaging_uploads.check_at
 LIMIT %(param_1)s::INTEGER

-- attachments._remove
DELETE FROM messaging_uploads WHERE messaging_uploads.upload_id = %(id)s::INTEGER

-- attachments._remove_due
DELETE FROM messaging_uploads WHERE messaging_uploads.upload_id = %(id)s::INTEGER AND messaging_uploads.check_at BETWEEN %(earliest)s::TIMESTAMP WITH TIME ZONE AND %(latest)s::TIMESTAMP WITH TIME ZONE

-- blocks._insert
INSERT INTO messaging_blocks (user_id, blocked_id, created_at) VALUES (%(me)s::INTEGER, %(other)s::INTEGER, %(now)s::TIMESTAMP WITH TIME ZONE) ON CONFLICT DO NOTHING

-- blocks._delete
DELETE FROM messaging_blocks WHERE messaging_blocks.user_id = %(me)s::INTEGER AND messaging_blocks.blocked_id = %(other)s::INTEGER

-- blocks._blocked_at
SELECT messaging_blocks.created_at
FROM messaging_blocks
WHERE messaging_blocks.user_id = %(me)s::INTEGER AND messaging_blocks.blocked_id = %(other)s::INTEGER

-- blocks._page
SELECT messaging_blocks.blocked_id, messaging_blocks.created_at, users.full_name, users.profile_picture_url
FROM messaging_blocks LEFT OUTER JOIN users ON users.user_id = messaging_blocks.blocked_id
WHERE messaging_blocks.user_id = %(me)s::INTEGER ORDER BY messaging_blocks.created_at DESC, messaging_blocks.blocked_id DESC
 LIMIT %(limit)s::INTEGER OFFSET %(offset)s::INTEGER

-- blocks._count
SELECT count(*) AS count_1
FROM messaging_blocks
WHERE messaging_blocks.user_id = %(me)s::INTEGER

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
kept AS
(SELECT sent_newest.partner_id AS partner_id, sent_newest.message_id AS message_id
FROM (SELECT sent.pair >> 32 AS partner_id, sent.pair & 4294967295 AS message_id
FROM sent
WHERE sent.pair IS NOT NULL) AS sent_newest
WHERE NOT (EXISTS (SELECT *
FROM messaging_clears
WHERE messaging_clears.user_id = %(me)s::INTEGER)) OR NOT (EXISTS (SELECT *
FROM messaging_clears
WHERE messaging_clears.user_id = %(me)s::INTEGER AND messaging_clears.partner_id IN (sent_newest.partner_id, -sent_newest.partner_id) AND messaging_clears.cleared_up_to >= sent_newest.message_id)) UNION ALL SELECT received_newest.partner_id AS partner_id, received_newest.message_id AS message_id
FROM (SELECT received.pair >> 32 AS partner_id, received.pair & 4294967295 AS message_id
FROM received
WHERE received.pair IS NOT NULL) AS received_newest
WHERE NOT (EXISTS (SELECT *
FROM messaging_clears
WHERE messaging_clears.user_id = %(me)s::INTEGER)) OR NOT (EXISTS (SELECT *
FROM messaging_clears
WHERE messaging_clears.user_id = %(me)s::INTEGER AND messaging_clears.partner_id IN (received_newest.partner_id) AND messaging_clears.cleared_up_to >= received_newest.message_id))),
visible AS
(SELECT kept.partner_id AS partner_id, max(kept.message_id) AS last_id
FROM kept GROUP BY kept.partner_id),
numbered AS
(SELECT visible.partner_id AS partner_id, visible.last_id AS last_id, row_number() OVER (ORDER BY visible.last_id DESC) AS position, count(*) OVER () AS total
FROM visible),
page AS
(SELECT numbered.partner_id AS partner_id, numbered.last_id AS last_id, numbered.position AS position, numbered.total AS total
FROM numbered
WHERE numbered.position > %(offset)s::BIGINT AND numbered.position <= %(end)s::BIGINT)
 SELECT page.partner_id, page.total, (SELECT count(*) AS count_1
FROM messages AS other
WHERE other.recipient_id = %(me)s::INTEGER AND other.sender_id = page.partner_id AND other.message_id + %(message_id_1)s::INTEGER > coalesce(messaging_clears.cleared_up_to, %(coalesce_1)s::INTEGER) AND other.is_read_by_recipient = false AND other.is_read = false AND other.is_deleted = false) AS unread, users.full_name, users.profile_picture_url, messages.message_content, messages.created_at, messages.sender_id, messages.post_id, posts.title
FROM page JOIN messages ON messages.message_id = page.last_id LEFT OUTER JOIN messaging_clears ON messaging_clears.user_id = %(me)s::INTEGER AND messaging_clears.partner_id = page.partner_id LEFT OUTER JOIN users ON users.user_id = page.partner_id LEFT OUTER JOIN posts ON posts.post_id = messages.post_id ORDER BY page.position

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
kept AS
(SELECT sent_newest.partner_id AS partner_id, sent_newest.message_id AS message_id
FROM (SELECT sent.pair >> 32 AS partner_id, sent.pair & 4294967295 AS message_id
FROM sent
WHERE sent.pair IS NOT NULL) AS sent_newest
WHERE NOT (EXISTS (SELECT *
FROM messaging_clears
WHERE messaging_clears.user_id = %(me)s::INTEGER)) OR NOT (EXISTS (SELECT *
FROM messaging_clears
WHERE messaging_clears.user_id = %(me)s::INTEGER AND messaging_clears.partner_id IN (sent_newest.partner_id, -sent_newest.partner_id) AND messaging_clears.cleared_up_to >= sent_newest.message_id)) UNION ALL SELECT received_newest.partner_id AS partner_id, received_newest.message_id AS message_id
FROM (SELECT received.pair >> 32 AS partner_id, received.pair & 4294967295 AS message_id
FROM received
WHERE received.pair IS NOT NULL) AS received_newest
WHERE NOT (EXISTS (SELECT *
FROM messaging_clears
WHERE messaging_clears.user_id = %(me)s::INTEGER)) OR NOT (EXISTS (SELECT *
FROM messaging_clears
WHERE messaging_clears.user_id = %(me)s::INTEGER AND messaging_clears.partner_id IN (received_newest.partner_id) AND messaging_clears.cleared_up_to >= received_newest.message_id)))
 SELECT count(*) AS count_1
FROM (SELECT kept.partner_id AS partner_id, max(kept.message_id) AS last_id
FROM kept GROUP BY kept.partner_id) AS visible

-- conversations._unread_count
SELECT (SELECT count(*) AS count_1
FROM messages
WHERE messages.recipient_id = %(me)s::INTEGER AND messages.is_read_by_recipient = false AND messages.is_read = false AND messages.is_deleted = false) - (SELECT count(*) AS count_1
FROM messages JOIN messaging_clears ON messaging_clears.user_id = %(me)s::INTEGER AND messaging_clears.partner_id = messages.sender_id AND messaging_clears.cleared_up_to >= messages.message_id
WHERE messages.recipient_id = %(me)s::INTEGER AND messages.is_read_by_recipient = false AND messages.is_read = false AND messages.is_deleted = false) AS count

-- conversations._unread_ids
SELECT messages.message_id
FROM messages
WHERE messages.sender_id = %(partner)s::INTEGER AND messages.recipient_id = %(me)s::INTEGER AND messages.message_id + %(message_id_1)s::INTEGER > %(cleared)s::INTEGER AND messages.is_read_by_recipient = false AND messages.is_read = false AND messages.is_deleted = false ORDER BY messages.message_id

-- conversations._mark_received
UPDATE messages SET is_read_by_recipient=%(is_read_by_recipient)s, recipient_read_at=%(now)s::TIMESTAMP WITH TIME ZONE, is_read=%(is_read)s, read_at=%(now)s::TIMESTAMP WITH TIME ZONE, updated_at=%(now)s::TIMESTAMP WITH TIME ZONE WHERE messages.sender_id = %(partner)s::INTEGER AND messages.recipient_id = %(me)s::INTEGER AND messages.message_id + %(message_id_1)s::INTEGER > %(cleared)s::INTEGER AND messages.is_read_by_recipient = false AND messages.is_read = false AND messages.is_deleted = false AND messages.message_id <= %(last)s::INTEGER

-- conversations._mark_sent
UPDATE messages SET is_read_by_sender=%(is_read_by_sender)s, sender_read_at=%(now)s::TIMESTAMP WITH TIME ZONE, updated_at=%(now)s::TIMESTAMP WITH TIME ZONE WHERE messages.sender_id = %(me)s::INTEGER AND messages.recipient_id = %(partner)s::INTEGER AND messages.is_read_by_sender = false AND messages.is_deleted = false

-- conversations._cleared_up_to
SELECT messaging_clears.partner_id, messaging_clears.cleared_up_to
FROM messaging_clears
WHERE messaging_clears.user_id = %(me)s::INTEGER AND messaging_clears.partner_id IN (%(partner)s::INTEGER, %(sent)s::INTEGER)

-- conversations._clear_again
UPDATE messaging_clears SET cleared_up_to=%(last)s::INTEGER, cleared_at=%(now)s::TIMESTAMP WITH TIME ZONE WHERE messaging_clears.user_id = %(me)s::INTEGER AND messaging_clears.partner_id = %(partner)s::INTEGER

-- conversations._clear
INSERT INTO messaging_clears (user_id, partner_id, cleared_up_to, cleared_at) VALUES (%(me)s::INTEGER, %(partner)s::INTEGER, %(last)s::INTEGER, %(now)s::TIMESTAMP WITH TIME ZONE)

-- conversations._newest_between
SELECT (SELECT max(messages.message_id) AS max_1
FROM messages
WHERE messages.sender_id = %(me)s::INTEGER AND messages.recipient_id = %(partner)s::INTEGER) AS sent, (SELECT max(messages.message_id) AS max_2
FROM messages
WHERE messages.sender_id = %(partner)s::INTEGER AND messages.recipient_id = %(me)s::INTEGER) AS received

-- conversations._in_touch
SELECT %(param_1)s::INTEGER AS one
WHERE ((EXISTS (SELECT *
FROM messages
WHERE messages.sender_id = %(me)s::INTEGER AND messages.recipient_id = %(partner)s::INTEGER AND messages.is_deleted = false)) OR (EXISTS (SELECT *
FROM messages
WHERE messages.sender_id = %(partner)s::INTEGER AND messages.recipient_id = %(me)s::INTEGER AND messages.is_deleted = false))) AND NOT ((EXISTS (SELECT *
FROM messaging_blocks
WHERE messaging_blocks.user_id = %(me)s::INTEGER AND messaging_blocks.blocked_id = %(partner)s::INTEGER)) OR (EXISTS (SELECT *
FROM messaging_blocks
WHERE messaging_blocks.user_id = %(partner)s::INTEGER AND messaging_blocks.blocked_id = %(me)s::INTEGER)))

-- demo_data._highest
SELECT max(users.user_id) AS max_1
FROM users

-- erasure._messages
SELECT messages.message_id, messages.recipient_id, messages.is_deleted
FROM messages
WHERE messages.sender_id = %(user)s::INTEGER AND (messages.is_deleted = false OR messages.attachment_url IS NOT NULL OR messages.message_content != '') AND messages.message_id > %(after)s::INTEGER ORDER BY messages.message_id
 LIMIT %(limit)s::INTEGER

-- erasure._count_messages
SELECT count(*) AS counted
FROM messages
WHERE messages.sender_id = %(user)s::INTEGER AND (messages.is_deleted = false OR messages.attachment_url IS NOT NULL OR messages.message_content != '')

-- erasure._blank
UPDATE messages SET message_content=%(message_content)s::VARCHAR, attachment_url=%(attachment_url)s::VARCHAR, is_deleted=%(is_deleted)s, deleted_by=coalesce(messages.deleted_by, %(user)s::INTEGER), updated_at=%(now)s::TIMESTAMP WITH TIME ZONE WHERE messages.message_id = %(id)s::INTEGER

-- erasure._partners
SELECT messages.recipient_id AS user_id
FROM messages
WHERE messages.sender_id = %(user)s::INTEGER AND messages.recipient_id != %(user)s::INTEGER UNION SELECT messages.sender_id
FROM messages
WHERE messages.recipient_id = %(user)s::INTEGER AND messages.sender_id != %(user)s::INTEGER

-- erasure._mentions
SELECT messaging_events.seq, messaging_events.event
FROM messaging_events
WHERE messaging_events.user_id = %(partner)s::INTEGER AND messaging_events.seq > %(after)s::INTEGER AND (messaging_events.event LIKE %(as_sender)s::VARCHAR OR messaging_events.event LIKE %(as_recipient)s::VARCHAR) ORDER BY messaging_events.seq
 LIMIT %(limit)s::INTEGER

-- erasure._rewrite
UPDATE messaging_events SET event=%(json)s::VARCHAR WHERE messaging_events.user_id = %(partner)s::INTEGER AND messaging_events.seq = %(number)s::INTEGER

-- erasure._count_log
SELECT count(*) AS counted
FROM messaging_events
WHERE messaging_events.user_id = %(user)s::INTEGER

-- erasure._delete_log
DELETE FROM messaging_events WHERE messaging_events.user_id = %(user)s::INTEGER AND messaging_events.seq <= %(number)s::INTEGER

-- erasure._delete_cursor
DELETE FROM messaging_cursors WHERE messaging_cursors.user_id = %(user)s::INTEGER

-- erasure._count_own[idempotency keys]
SELECT count(*) AS counted
FROM messaging_keys
WHERE messaging_keys.user_id = %(user)s::INTEGER

-- erasure._count_own[blocks]
SELECT count(*) AS counted
FROM messaging_blocks
WHERE messaging_blocks.user_id = %(user)s::INTEGER

-- erasure._count_own[cleared conversations]
SELECT count(*) AS counted
FROM messaging_clears
WHERE messaging_clears.user_id = %(user)s::INTEGER

-- erasure._delete_own[idempotency keys]
DELETE FROM messaging_keys WHERE messaging_keys.user_id = %(user)s::INTEGER

-- erasure._delete_own[blocks]
DELETE FROM messaging_blocks WHERE messaging_blocks.user_id = %(user)s::INTEGER

-- erasure._delete_own[cleared conversations]
DELETE FROM messaging_clears WHERE messaging_clears.user_id = %(user)s::INTEGER

-- erasure._uploads
SELECT messaging_uploads.upload_id, messaging_uploads.url, messaging_uploads.created_at, (SELECT min(messages.message_id) AS min_1
FROM messages
WHERE messages.attachment_url = messaging_uploads.url AND messages.is_deleted = false AND messages.sender_id != %(user)s::INTEGER) AS used_by
FROM messaging_uploads
WHERE messaging_uploads.user_id = %(user)s::INTEGER AND messaging_uploads.upload_id > %(after)s::INTEGER ORDER BY messaging_uploads.upload_id
 LIMIT %(limit)s::INTEGER

-- erasure._count_uploads
SELECT count(*) AS counted
FROM messaging_uploads
WHERE messaging_uploads.user_id = %(user)s::INTEGER

-- erasure._disown
UPDATE messaging_uploads SET user_id=%(user_id)s::INTEGER WHERE messaging_uploads.upload_id = %(id)s::INTEGER

-- erasure._remove_unstored
DELETE FROM messaging_uploads WHERE messaging_uploads.upload_id = %(id)s::INTEGER AND messaging_uploads.url IS NULL

-- erasure._leave_to_sweep
UPDATE messaging_uploads SET user_id=%(user_id)s::INTEGER, check_at=%(check_at)s::TIMESTAMP WITH TIME ZONE WHERE messaging_uploads.upload_id = %(id)s::INTEGER

-- messages._correspondents
SELECT users.user_id, users.full_name, users.profile_picture_url, users.is_active, CASE WHEN ((EXISTS (SELECT *
FROM messaging_blocks
WHERE messaging_blocks.user_id = %(sender)s::INTEGER AND messaging_blocks.blocked_id = %(recipient)s::INTEGER)) OR (EXISTS (SELECT *
FROM messaging_blocks
WHERE messaging_blocks.user_id = %(recipient)s::INTEGER AND messaging_blocks.blocked_id = %(sender)s::INTEGER))) THEN 1 ELSE 0 END AS is_blocked
FROM users
WHERE users.user_id = %(sender)s::INTEGER OR users.user_id = %(recipient)s::INTEGER

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
SELECT messages.message_id, messages.sender_id, messages.recipient_id, messages.message_type, messages.is_deleted, messages.created_at, CASE WHEN ((EXISTS (SELECT *
FROM messaging_blocks
WHERE messaging_blocks.user_id = messages.sender_id AND messaging_blocks.blocked_id = messages.recipient_id)) OR (EXISTS (SELECT *
FROM messaging_blocks
WHERE messaging_blocks.user_id = messages.recipient_id AND messaging_blocks.blocked_id = messages.sender_id))) THEN 1 ELSE 0 END AS is_blocked
FROM messages
WHERE messages.message_id = %(id)s::INTEGER

-- messages._find_key
SELECT messaging_keys.body_digest, messaging_keys.message_id
FROM messaging_keys
WHERE messaging_keys.user_id = %(user)s::INTEGER AND messaging_keys.key_digest = %(key)s::BIGINT AND messaging_keys.created_at > %(now)s::TIMESTAMP WITH TIME ZONE

-- messages._drop_key
DELETE FROM messaging_keys WHERE messaging_keys.user_id = %(user)s::INTEGER AND messaging_keys.key_digest = %(key)s::BIGINT AND messaging_keys.created_at <= %(since)s::TIMESTAMP WITH TIME ZONE

-- messages._keep_key
INSERT INTO messaging_keys (user_id, key_digest, body_digest, message_id, created_at) VALUES (%(user)s::INTEGER, %(key)s::BIGINT, %(body)s::BIGINT, %(id)s::INTEGER, %(now)s::TIMESTAMP WITH TIME ZONE)

-- messages._delete_keys
DELETE FROM messaging_keys WHERE messaging_keys.created_at <= %(now)s::TIMESTAMP WITH TIME ZONE

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

-- posts._owner
SELECT posts.user_id
FROM posts
WHERE posts.post_id = %(post_id)s::INTEGER

-- presence._partners
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
partners AS
(SELECT sent_newest.partner_id AS user_id
FROM (SELECT sent.pair >> 32 AS partner_id, sent.pair & 4294967295 AS message_id
FROM sent
WHERE sent.pair IS NOT NULL) AS sent_newest UNION SELECT received_newest.partner_id AS user_id
FROM (SELECT received.pair >> 32 AS partner_id, received.pair & 4294967295 AS message_id
FROM received
WHERE received.pair IS NOT NULL) AS received_newest)
 SELECT partners.user_id
FROM partners
WHERE partners.user_id != %(me)s::INTEGER AND (partners.user_id NOT IN (SELECT messaging_blocks.blocked_id AS user_id
FROM messaging_blocks
WHERE messaging_blocks.user_id = %(me)s::INTEGER UNION ALL SELECT messaging_blocks.user_id
FROM messaging_blocks
WHERE messaging_blocks.blocked_id = %(me)s::INTEGER))

-- presence._known
SELECT users.user_id
FROM users
WHERE users.user_id IN (%(id0)s::INTEGER, %(id1)s::INTEGER, %(id2)s::INTEGER, %(id3)s::INTEGER, %(id4)s::INTEGER, %(id5)s::INTEGER, %(id6)s::INTEGER, %(id7)s::INTEGER, %(id8)s::INTEGER, %(id9)s::INTEGER, %(id10)s::INTEGER, %(id11)s::INTEGER, %(id12)s::INTEGER, %(id13)s::INTEGER, %(id14)s::INTEGER, %(id15)s::INTEGER, %(id16)s::INTEGER, %(id17)s::INTEGER, %(id18)s::INTEGER, %(id19)s::INTEGER, %(id20)s::INTEGER, %(id21)s::INTEGER, %(id22)s::INTEGER, %(id23)s::INTEGER, %(id24)s::INTEGER, %(id25)s::INTEGER, %(id26)s::INTEGER, %(id27)s::INTEGER, %(id28)s::INTEGER, %(id29)s::INTEGER, %(id30)s::INTEGER, %(id31)s::INTEGER, %(id32)s::INTEGER, %(id33)s::INTEGER, %(id34)s::INTEGER, %(id35)s::INTEGER, %(id36)s::INTEGER, %(id37)s::INTEGER, %(id38)s::INTEGER, %(id39)s::INTEGER, %(id40)s::INTEGER, %(id41)s::INTEGER, %(id42)s::INTEGER, %(id43)s::INTEGER, %(id44)s::INTEGER, %(id45)s::INTEGER, %(id46)s::INTEGER, %(id47)s::INTEGER, %(id48)s::INTEGER, %(id49)s::INTEGER, %(id50)s::INTEGER, %(id51)s::INTEGER, %(id52)s::INTEGER, %(id53)s::INTEGER, %(id54)s::INTEGER, %(id55)s::INTEGER, %(id56)s::INTEGER, %(id57)s::INTEGER, %(id58)s::INTEGER, %(id59)s::INTEGER, %(id60)s::INTEGER, %(id61)s::INTEGER, %(id62)s::INTEGER, %(id63)s::INTEGER, %(id64)s::INTEGER, %(id65)s::INTEGER, %(id66)s::INTEGER, %(id67)s::INTEGER, %(id68)s::INTEGER, %(id69)s::INTEGER, %(id70)s::INTEGER, %(id71)s::INTEGER, %(id72)s::INTEGER, %(id73)s::INTEGER, %(id74)s::INTEGER, %(id75)s::INTEGER, %(id76)s::INTEGER, %(id77)s::INTEGER, %(id78)s::INTEGER, %(id79)s::INTEGER, %(id80)s::INTEGER, %(id81)s::INTEGER, %(id82)s::INTEGER, %(id83)s::INTEGER, %(id84)s::INTEGER, %(id85)s::INTEGER, %(id86)s::INTEGER, %(id87)s::INTEGER, %(id88)s::INTEGER, %(id89)s::INTEGER, %(id90)s::INTEGER, %(id91)s::INTEGER, %(id92)s::INTEGER, %(id93)s::INTEGER, %(id94)s::INTEGER, %(id95)s::INTEGER, %(id96)s::INTEGER, %(id97)s::INTEGER, %(id98)s::INTEGER, %(id99)s::INTEGER) AND ((EXISTS (SELECT *
FROM messages
WHERE messages.sender_id = %(me)s::INTEGER AND messages.recipient_id = users.user_id AND messages.is_deleted = false)) OR (EXISTS (SELECT *
FROM messages
WHERE messages.sender_id = users.user_id AND messages.recipient_id = %(me)s::INTEGER AND messages.is_deleted = false))) AND (users.user_id NOT IN (SELECT messaging_blocks.blocked_id AS user_id
FROM messaging_blocks
WHERE messaging_blocks.user_id = %(me)s::INTEGER UNION ALL SELECT messaging_blocks.user_id
FROM messaging_blocks
WHERE messaging_blocks.blocked_id = %(me)s::INTEGER))

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
WHERE messaging_clears.user_id = %(me)s::INTEGER AND messaging_clears.partner_id IN (messages.recipient_id, -messages.recipient_id) AND messaging_clears.cleared_up_to >= messages.message_id)) AND messages.message_id < %(before)s::INTEGER AND messages.message_id > %(above)s::INTEGER ORDER BY messages.message_id DESC
 LIMIT %(window)s::INTEGER OFFSET %(param_1)s::INTEGER) AS anon_1 UNION ALL SELECT anon_2.message_id AS message_id, anon_2.message_content AS message_content
FROM (SELECT messages.message_id AS message_id, messages.message_content AS message_content
FROM messages
WHERE messages.recipient_id = %(me)s::INTEGER AND messages.sender_id != messages.recipient_id AND messages.is_deleted = false AND NOT (EXISTS (SELECT *
FROM messaging_clears
WHERE messaging_clears.user_id = %(me)s::INTEGER AND messaging_clears.partner_id IN (messages.sender_id) AND messaging_clears.cleared_up_to >= messages.message_id)) AND messages.message_id < %(before)s::INTEGER AND messages.message_id > %(above)s::INTEGER ORDER BY messages.message_id DESC
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
WHERE messaging_clears.user_id = %(me)s::INTEGER AND messaging_clears.partner_id IN (messages.recipient_id, -messages.recipient_id) AND messaging_clears.cleared_up_to >= messages.message_id)) AND messages.message_id < %(before)s::INTEGER AND messages.message_id > %(above)s::INTEGER ORDER BY messages.message_id DESC
 LIMIT %(window)s::INTEGER OFFSET %(param_1)s::INTEGER) AS anon_1 UNION ALL SELECT anon_2.message_id AS message_id, anon_2.message_content AS message_content
FROM (SELECT messages.message_id AS message_id, messages.message_content AS message_content
FROM messages
WHERE messages.recipient_id = %(me)s::INTEGER AND messages.sender_id = %(partner)s::INTEGER AND messages.sender_id != messages.recipient_id AND messages.is_deleted = false AND NOT (EXISTS (SELECT *
FROM messaging_clears
WHERE messaging_clears.user_id = %(me)s::INTEGER AND messaging_clears.partner_id IN (messages.sender_id) AND messaging_clears.cleared_up_to >= messages.message_id)) AND messages.message_id < %(before)s::INTEGER AND messages.message_id > %(above)s::INTEGER ORDER BY messages.message_id DESC
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
WHERE messaging_clears.user_id = %(me)s::INTEGER AND messaging_clears.partner_id IN (messages.recipient_id, -messages.recipient_id) AND messaging_clears.cleared_up_to >= messages.message_id)) AND messages.message_id < %(before)s::INTEGER AND messages.message_id > %(above)s::INTEGER ORDER BY messages.message_id DESC
 LIMIT %(window)s::INTEGER OFFSET %(param_1)s::INTEGER) AS anon_1 UNION ALL SELECT anon_2.message_id AS message_id, anon_2.message_content AS message_content
FROM (SELECT messages.message_id AS message_id, messages.message_content AS message_content
FROM messages
WHERE messages.recipient_id = %(me)s::INTEGER AND messages.sender_id != messages.recipient_id AND messages.is_deleted = false AND NOT (EXISTS (SELECT *
FROM messaging_clears
WHERE messaging_clears.user_id = %(me)s::INTEGER AND messaging_clears.partner_id IN (messages.sender_id) AND messaging_clears.cleared_up_to >= messages.message_id)) AND messages.message_id < %(before)s::INTEGER AND messages.message_id > %(above)s::INTEGER ORDER BY messages.message_id DESC
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
WHERE messaging_clears.user_id = %(me)s::INTEGER AND messaging_clears.partner_id IN (messages.recipient_id, -messages.recipient_id) AND messaging_clears.cleared_up_to >= messages.message_id)) AND messages.message_id < %(before)s::INTEGER AND messages.message_id > %(above)s::INTEGER ORDER BY messages.message_id DESC
 LIMIT %(window)s::INTEGER OFFSET %(param_1)s::INTEGER) AS anon_1 UNION ALL SELECT anon_2.message_id AS message_id, anon_2.message_content AS message_content
FROM (SELECT messages.message_id AS message_id, messages.message_content AS message_content
FROM messages
WHERE messages.recipient_id = %(me)s::INTEGER AND messages.sender_id = %(partner)s::INTEGER AND messages.sender_id != messages.recipient_id AND messages.is_deleted = false AND NOT (EXISTS (SELECT *
FROM messaging_clears
WHERE messaging_clears.user_id = %(me)s::INTEGER AND messaging_clears.partner_id IN (messages.sender_id) AND messaging_clears.cleared_up_to >= messages.message_id)) AND messages.message_id < %(before)s::INTEGER AND messages.message_id > %(above)s::INTEGER ORDER BY messages.message_id DESC
 LIMIT %(window)s::INTEGER OFFSET %(param_2)s::INTEGER) AS anon_2) AS halves ORDER BY halves.message_id DESC
 LIMIT %(window)s::INTEGER OFFSET %(param_3)s::INTEGER) AS own
WHERE lower(own.message_content) LIKE lower(%(pattern)s::VARCHAR) ESCAPE '!' ORDER BY own.message_id DESC
 LIMIT %(most)s::INTEGER OFFSET %(param_4)s::INTEGER

-- search._by_trigrams_of[False]
SELECT found.message_id, found.message_content
FROM (SELECT messages.message_id AS message_id, messages.message_content AS message_content
FROM messages
WHERE (messages.sender_id = 1 OR messages.recipient_id = 1) AND messages.is_deleted = false AND NOT (messages.sender_id = 1 AND (EXISTS (SELECT *
FROM messaging_clears
WHERE messaging_clears.user_id = 1 AND messaging_clears.partner_id IN (messages.recipient_id, -messages.recipient_id) AND messaging_clears.cleared_up_to >= messages.message_id)) OR messages.recipient_id = 1 AND (EXISTS (SELECT *
FROM messaging_clears
WHERE messaging_clears.user_id = 1 AND messaging_clears.partner_id IN (messages.sender_id) AND messaging_clears.cleared_up_to >= messages.message_id))) AND messages.message_id < %(before)s::INTEGER AND replace(CASE WHEN (char_length(messages.message_content) = octet_length(messages.message_content)) THEN lower(messages.message_content COLLATE "C") COLLATE "C" ELSE replace(replace(replace(replace(lower(messages.message_content COLLATE "und-x-icu"), U&'\03c2', U&'\03c3'), U&'\0131', 'i'), U&'\00df', 'ss'), U&'\0307', '') COLLATE "C" END, ' ', '') LIKE replace(CASE WHEN (char_length(%(pattern)s::VARCHAR) = octet_length(%(pattern)s::VARCHAR)) THEN lower(%(pattern)s::VARCHAR COLLATE "C") COLLATE "C" ELSE replace(replace(replace(replace(lower(%(pattern)s::VARCHAR COLLATE "und-x-icu"), U&'\03c2', U&'\03c3'), U&'\0131', 'i'), U&'\00df', 'ss'), U&'\0307', '') COLLATE "C" END, ' ', '') ESCAPE '!' AND CASE WHEN (char_length(messages.message_content) = octet_length(messages.message_content)) THEN lower(messages.message_content COLLATE "C") COLLATE "C" ELSE replace(replace(replace(replace(lower(messages.message_content COLLATE "und-x-icu"), U&'\03c2', U&'\03c3'), U&'\0131', 'i'), U&'\00df', 'ss'), U&'\0307', '') COLLATE "C" END LIKE CASE WHEN (char_length(%(pattern)s::VARCHAR) = octet_length(%(pattern)s::VARCHAR)) THEN lower(%(pattern)s::VARCHAR COLLATE "C") COLLATE "C" ELSE replace(replace(replace(replace(lower(%(pattern)s::VARCHAR COLLATE "und-x-icu"), U&'\03c2', U&'\03c3'), U&'\0131', 'i'), U&'\00df', 'ss'), U&'\0307', '') COLLATE "C" END ESCAPE '!'
 LIMIT ALL OFFSET 0) AS found ORDER BY found.message_id DESC
 LIMIT %(most)s::INTEGER

-- search._by_trigrams_of[True]
SELECT found.message_id, found.message_content
FROM (SELECT messages.message_id AS message_id, messages.message_content AS message_content
FROM messages
WHERE (messages.sender_id = 1 AND messages.recipient_id = 1 OR messages.sender_id = 1 AND messages.recipient_id = 1) AND messages.is_deleted = false AND NOT (messages.sender_id = 1 AND (EXISTS (SELECT *
FROM messaging_clears
WHERE messaging_clears.user_id = 1 AND messaging_clears.partner_id IN (messages.recipient_id, -messages.recipient_id) AND messaging_clears.cleared_up_to >= messages.message_id)) OR messages.recipient_id = 1 AND (EXISTS (SELECT *
FROM messaging_clears
WHERE messaging_clears.user_id = 1 AND messaging_clears.partner_id IN (messages.sender_id) AND messaging_clears.cleared_up_to >= messages.message_id))) AND messages.message_id < %(before)s::INTEGER AND replace(CASE WHEN (char_length(messages.message_content) = octet_length(messages.message_content)) THEN lower(messages.message_content COLLATE "C") COLLATE "C" ELSE replace(replace(replace(replace(lower(messages.message_content COLLATE "und-x-icu"), U&'\03c2', U&'\03c3'), U&'\0131', 'i'), U&'\00df', 'ss'), U&'\0307', '') COLLATE "C" END, ' ', '') LIKE replace(CASE WHEN (char_length(%(pattern)s::VARCHAR) = octet_length(%(pattern)s::VARCHAR)) THEN lower(%(pattern)s::VARCHAR COLLATE "C") COLLATE "C" ELSE replace(replace(replace(replace(lower(%(pattern)s::VARCHAR COLLATE "und-x-icu"), U&'\03c2', U&'\03c3'), U&'\0131', 'i'), U&'\00df', 'ss'), U&'\0307', '') COLLATE "C" END, ' ', '') ESCAPE '!' AND CASE WHEN (char_length(messages.message_content) = octet_length(messages.message_content)) THEN lower(messages.message_content COLLATE "C") COLLATE "C" ELSE replace(replace(replace(replace(lower(messages.message_content COLLATE "und-x-icu"), U&'\03c2', U&'\03c3'), U&'\0131', 'i'), U&'\00df', 'ss'), U&'\0307', '') COLLATE "C" END LIKE CASE WHEN (char_length(%(pattern)s::VARCHAR) = octet_length(%(pattern)s::VARCHAR)) THEN lower(%(pattern)s::VARCHAR COLLATE "C") COLLATE "C" ELSE replace(replace(replace(replace(lower(%(pattern)s::VARCHAR COLLATE "und-x-icu"), U&'\03c2', U&'\03c3'), U&'\0131', 'i'), U&'\00df', 'ss'), U&'\0307', '') COLLATE "C" END ESCAPE '!'
 LIMIT ALL OFFSET 0) AS found ORDER BY found.message_id DESC
 LIMIT %(most)s::INTEGER

-- search._has_trigrams
SELECT count(*) AS indexes
FROM pg_index
WHERE indexrelid = to_regclass('ix_messages_joined') AND indisvalid

-- sync._advance_all
INSERT INTO messaging_cursors (user_id, latest) SELECT anon_1.user_id, anon_1.count
FROM unnest(%(users)s::INTEGER[], %(counts)s::INTEGER[]) AS anon_1(user_id, count) ORDER BY anon_1.user_id ON CONFLICT (user_id) DO UPDATE SET latest = (messaging_cursors.latest + excluded.latest) RETURNING messaging_cursors.user_id, messaging_cursors.latest

-- sync._advance
UPDATE messaging_cursors SET latest=(messaging_cursors.latest + %(count)s::INTEGER) WHERE messaging_cursors.user_id = %(user)s::INTEGER

-- sync._begin
INSERT INTO messaging_cursors (user_id, latest) VALUES (%(user)s::INTEGER, %(count)s::INTEGER)

-- sync._latest
SELECT messaging_cursors.latest
FROM messaging_cursors
WHERE messaging_cursors.user_id = %(user)s::INTEGER

-- sync._latest_of
SELECT messaging_cursors.user_id, messaging_cursors.latest
FROM messaging_cursors
WHERE messaging_cursors.user_id IN (%(id0)s::INTEGER, %(id1)s::INTEGER, %(id2)s::INTEGER, %(id3)s::INTEGER, %(id4)s::INTEGER, %(id5)s::INTEGER, %(id6)s::INTEGER, %(id7)s::INTEGER, %(id8)s::INTEGER, %(id9)s::INTEGER, %(id10)s::INTEGER, %(id11)s::INTEGER, %(id12)s::INTEGER, %(id13)s::INTEGER, %(id14)s::INTEGER, %(id15)s::INTEGER, %(id16)s::INTEGER, %(id17)s::INTEGER, %(id18)s::INTEGER, %(id19)s::INTEGER, %(id20)s::INTEGER, %(id21)s::INTEGER, %(id22)s::INTEGER, %(id23)s::INTEGER, %(id24)s::INTEGER, %(id25)s::INTEGER, %(id26)s::INTEGER, %(id27)s::INTEGER, %(id28)s::INTEGER, %(id29)s::INTEGER, %(id30)s::INTEGER, %(id31)s::INTEGER, %(id32)s::INTEGER, %(id33)s::INTEGER, %(id34)s::INTEGER, %(id35)s::INTEGER, %(id36)s::INTEGER, %(id37)s::INTEGER, %(id38)s::INTEGER, %(id39)s::INTEGER, %(id40)s::INTEGER, %(id41)s::INTEGER, %(id42)s::INTEGER, %(id43)s::INTEGER, %(id44)s::INTEGER, %(id45)s::INTEGER, %(id46)s::INTEGER, %(id47)s::INTEGER, %(id48)s::INTEGER, %(id49)s::INTEGER, %(id50)s::INTEGER, %(id51)s::INTEGER, %(id52)s::INTEGER, %(id53)s::INTEGER, %(id54)s::INTEGER, %(id55)s::INTEGER, %(id56)s::INTEGER, %(id57)s::INTEGER, %(id58)s::INTEGER, %(id59)s::INTEGER, %(id60)s::INTEGER, %(id61)s::INTEGER, %(id62)s::INTEGER, %(id63)s::INTEGER, %(id64)s::INTEGER, %(id65)s::INTEGER, %(id66)s::INTEGER, %(id67)s::INTEGER, %(id68)s::INTEGER, %(id69)s::INTEGER, %(id70)s::INTEGER, %(id71)s::INTEGER, %(id72)s::INTEGER, %(id73)s::INTEGER, %(id74)s::INTEGER, %(id75)s::INTEGER, %(id76)s::INTEGER, %(id77)s::INTEGER, %(id78)s::INTEGER, %(id79)s::INTEGER, %(id80)s::INTEGER, %(id81)s::INTEGER, %(id82)s::INTEGER, %(id83)s::INTEGER, %(id84)s::INTEGER, %(id85)s::INTEGER, %(id86)s::INTEGER, %(id87)s::INTEGER, %(id88)s::INTEGER, %(id89)s::INTEGER, %(id90)s::INTEGER, %(id91)s::INTEGER, %(id92)s::INTEGER, %(id93)s::INTEGER, %(id94)s::INTEGER, %(id95)s::INTEGER, %(id96)s::INTEGER, %(id97)s::INTEGER, %(id98)s::INTEGER, %(id99)s::INTEGER)

-- sync._insert
INSERT INTO messaging_events (user_id, seq, event, created_at) VALUES (%(user)s::INTEGER, %(number)s::INTEGER, %(json)s::VARCHAR, %(now)s::TIMESTAMP WITH TIME ZONE) RETURNING messaging_events.event_id

-- sync._event
SELECT messaging_events.event
FROM messaging_events
WHERE messaging_events.user_id = %(user)s::INTEGER AND messaging_events.seq = %(number)s::INTEGER

-- sync._since
SELECT messaging_events.seq, messaging_events.event
FROM messaging_events
WHERE messaging_events.user_id = %(user)s::INTEGER AND messaging_events.seq > %(since)s::INTEGER ORDER BY messaging_events.seq
 LIMIT %(limit)s::INTEGER

-- sync._oldest_number
SELECT min(messaging_events.seq) AS min_1
FROM messaging_events
WHERE messaging_events.user_id = %(user)s::INTEGER

-- sync._oldest
SELECT messaging_events.event_id, messaging_events.created_at
FROM messaging_events ORDER BY messaging_events.event_id
 LIMIT %(limit)s::INTEGER

-- sync._delete_up_to
DELETE FROM messaging_events WHERE messaging_events.event_id <= %(last)s::BIGINT

-- sync._log_message
INSERT INTO messaging_logged (message_id) VALUES (%(message)s::INTEGER)

-- sync._lowest_logged
SELECT min(messaging_logged.message_id) AS min_1
FROM messaging_logged

-- sync._newest_message
SELECT max(messages.message_id) AS max_1
FROM messages

-- sync._unlogged
SELECT messages.message_id
FROM messages
WHERE messages.message_id > %(mark)s::INTEGER AND NOT (EXISTS (SELECT *
FROM messaging_logged
WHERE messaging_logged.message_id = messages.message_id)) ORDER BY messages.message_id
 LIMIT %(limit)s::INTEGER

-- sync._move_mark
UPDATE messaging_cursors SET latest=%(mark)s::INTEGER WHERE messaging_cursors.user_id = %(user_id_1)s::INTEGER AND messaging_cursors.latest < %(mark)s::INTEGER

-- sync._forget_logged
DELETE FROM messaging_logged WHERE messaging_logged.message_id <= %(mark)s::INTEGER

-- sync._claim
INSERT INTO messaging_logged (message_id) VALUES (%(message)s::INTEGER) ON CONFLICT DO NOTHING RETURNING messaging_logged.message_id

-- threads._newest[False]
SELECT messages.message_id, messages.sender_id, messages.recipient_id, messages.post_id, messages.message_content, messages.message_type, messages.attachment_url, messages.is_read_by_recipient, messages.recipient_read_at, messages.is_read_by_sender, messages.sender_read_at, messages.is_read, messages.read_at, messages.is_deleted, messages.deleted_by, messages.is_edited, messages.edited_at, messages.parent_message_id, messages.created_at, messages.updated_at, sender.full_name AS sender_name, sender.profile_picture_url AS sender_picture, recipient.full_name AS recipient_name, recipient.profile_picture_url AS recipient_picture, posts.title AS post_title, posts.price AS post_price, posts.status AS post_status, (SELECT post_images.image_url
FROM post_images
WHERE post_images.post_id = messages.post_id ORDER BY post_images.display_order, post_images.image_id
 LIMIT %(param_1)s::INTEGER) AS post_image
FROM messages LEFT OUTER JOIN users AS sender ON sender.user_id = messages.sender_id LEFT OUTER JOIN users AS recipient ON recipient.user_id = messages.recipient_id LEFT OUTER JOIN posts ON posts.post_id = messages.post_id JOIN (SELECT halves.message_id AS message_id, row_number() OVER (ORDER BY halves.message_id DESC) AS position
FROM (SELECT anon_1.message_id AS message_id
FROM (SELECT messages.message_id AS message_id
FROM messages
WHERE messages.sender_id = %(me)s::INTEGER AND messages.recipient_id = %(partner)s::INTEGER AND messages.message_id > %(sent_after)s::INTEGER AND messages.is_deleted = false AND messages.message_id <= %(until)s::INTEGER ORDER BY messages.message_id DESC
 LIMIT %(end)s::BIGINT OFFSET %(param_2)s::INTEGER) AS anon_1 UNION ALL SELECT anon_2.message_id AS message_id
FROM (SELECT messages.message_id AS message_id
FROM messages
WHERE messages.sender_id = %(partner)s::INTEGER AND messages.recipient_id = %(me)s::INTEGER AND messages.sender_id != messages.recipient_id AND messages.message_id > %(after)s::INTEGER AND messages.is_deleted = false AND messages.message_id <= %(until)s::INTEGER ORDER BY messages.message_id DESC
 LIMIT %(end)s::BIGINT OFFSET %(param_3)s::INTEGER) AS anon_2) AS halves) AS numbered ON numbered.message_id = messages.message_id AND numbered.position > %(offset)s::BIGINT AND numbered.position <= %(end)s::BIGINT ORDER BY messages.message_id

-- threads._newest[True]
SELECT messages.message_id, messages.sender_id, messages.recipient_id, messages.post_id, messages.message_content, messages.message_type, messages.attachment_url, messages.is_read_by_recipient, messages.recipient_read_at, messages.is_read_by_sender, messages.sender_read_at, messages.is_read, messages.read_at, messages.is_deleted, messages.deleted_by, messages.is_edited, messages.edited_at, messages.parent_message_id, messages.created_at, messages.updated_at, sender.full_name AS sender_name, sender.profile_picture_url AS sender_picture, recipient.full_name AS recipient_name, recipient.profile_picture_url AS recipient_picture, posts.title AS post_title, posts.price AS post_price, posts.status AS post_status, (SELECT post_images.image_url
FROM post_images
WHERE post_images.post_id = messages.post_id ORDER BY post_images.display_order, post_images.image_id
 LIMIT %(param_1)s::INTEGER) AS post_image
FROM messages LEFT OUTER JOIN users AS sender ON sender.user_id = messages.sender_id LEFT OUTER JOIN users AS recipient ON recipient.user_id = messages.recipient_id LEFT OUTER JOIN posts ON posts.post_id = messages.post_id JOIN (SELECT halves.message_id AS message_id, row_number() OVER (ORDER BY halves.message_id DESC) AS position
FROM (SELECT anon_1.message_id AS message_id
FROM (SELECT messages.message_id AS message_id
FROM messages
WHERE messages.sender_id = %(me)s::INTEGER AND messages.recipient_id = %(partner)s::INTEGER AND messages.message_id > %(sent_after)s::INTEGER AND messages.is_deleted = false AND messages.message_id <= %(until)s::INTEGER AND messages.post_id = %(post)s::INTEGER ORDER BY messages.message_id DESC
 LIMIT %(end)s::BIGINT OFFSET %(param_2)s::INTEGER) AS anon_1 UNION ALL SELECT anon_2.message_id AS message_id
FROM (SELECT messages.message_id AS message_id
FROM messages
WHERE messages.sender_id = %(partner)s::INTEGER AND messages.recipient_id = %(me)s::INTEGER AND messages.sender_id != messages.recipient_id AND messages.message_id > %(after)s::INTEGER AND messages.is_deleted = false AND messages.message_id <= %(until)s::INTEGER AND messages.post_id = %(post)s::INTEGER ORDER BY messages.message_id DESC
 LIMIT %(end)s::BIGINT OFFSET %(param_3)s::INTEGER) AS anon_2) AS halves) AS numbered ON numbered.message_id = messages.message_id AND numbered.position > %(offset)s::BIGINT AND numbered.position <= %(end)s::BIGINT ORDER BY messages.message_id

-- threads._oldest[False]
SELECT messages.message_id, messages.sender_id, messages.recipient_id, messages.post_id, messages.message_content, messages.message_type, messages.attachment_url, messages.is_read_by_recipient, messages.recipient_read_at, messages.is_read_by_sender, messages.sender_read_at, messages.is_read, messages.read_at, messages.is_deleted, messages.deleted_by, messages.is_edited, messages.edited_at, messages.parent_message_id, messages.created_at, messages.updated_at, sender.full_name AS sender_name, sender.profile_picture_url AS sender_picture, recipient.full_name AS recipient_name, recipient.profile_picture_url AS recipient_picture, posts.title AS post_title, posts.price AS post_price, posts.status AS post_status, (SELECT post_images.image_url
FROM post_images
WHERE post_images.post_id = messages.post_id ORDER BY post_images.display_order, post_images.image_id
 LIMIT %(param_1)s::INTEGER) AS post_image
FROM messages LEFT OUTER JOIN users AS sender ON sender.user_id = messages.sender_id LEFT OUTER JOIN users AS recipient ON recipient.user_id = messages.recipient_id LEFT OUTER JOIN posts ON posts.post_id = messages.post_id JOIN (SELECT halves.message_id AS message_id, row_number() OVER (ORDER BY halves.message_id ASC) AS position
FROM (SELECT anon_1.message_id AS message_id
FROM (SELECT messages.message_id AS message_id
FROM messages
WHERE messages.sender_id = %(me)s::INTEGER AND messages.recipient_id = %(partner)s::INTEGER AND messages.message_id > %(sent_after)s::INTEGER AND messages.is_deleted = false AND messages.message_id <= %(until)s::INTEGER ORDER BY messages.message_id ASC
 LIMIT %(end)s::BIGINT OFFSET %(param_2)s::INTEGER) AS anon_1 UNION ALL SELECT anon_2.message_id AS message_id
FROM (SELECT messages.message_id AS message_id
FROM messages
WHERE messages.sender_id = %(partner)s::INTEGER AND messages.recipient_id = %(me)s::INTEGER AND messages.sender_id != messages.recipient_id AND messages.message_id > %(after)s::INTEGER AND messages.is_deleted = false AND messages.message_id <= %(until)s::INTEGER ORDER BY messages.message_id ASC
 LIMIT %(end)s::BIGINT OFFSET %(param_3)s::INTEGER) AS anon_2) AS halves) AS numbered ON numbered.message_id = messages.message_id AND numbered.position > %(offset)s::BIGINT AND numbered.position <= %(end)s::BIGINT ORDER BY messages.message_id

-- threads._oldest[True]
SELECT messages.message_id, messages.sender_id, messages.recipient_id, messages.post_id, messages.message_content, messages.message_type, messages.attachment_url, messages.is_read_by_recipient, messages.recipient_read_at, messages.is_read_by_sender, messages.sender_read_at, messages.is_read, messages.read_at, messages.is_deleted, messages.deleted_by, messages.is_edited, messages.edited_at, messages.parent_message_id, messages.created_at, messages.updated_at, sender.full_name AS sender_name, sender.profile_picture_url AS sender_picture, recipient.full_name AS recipient_name, recipient.profile_picture_url AS recipient_picture, posts.title AS post_title, posts.price AS post_price, posts.status AS post_status, (SELECT post_images.image_url
FROM post_images
WHERE post_images.post_id = messages.post_id ORDER BY post_images.display_order, post_images.image_id
 LIMIT %(param_1)s::INTEGER) AS post_image
FROM messages LEFT OUTER JOIN users AS sender ON sender.user_id = messages.sender_id LEFT OUTER JOIN users AS recipient ON recipient.user_id = messages.recipient_id LEFT OUTER JOIN posts ON posts.post_id = messages.post_id JOIN (SELECT halves.message_id AS message_id, row_number() OVER (ORDER BY halves.message_id ASC) AS position
FROM (SELECT anon_1.message_id AS message_id
FROM (SELECT messages.message_id AS message_id
FROM messages
WHERE messages.sender_id = %(me)s::INTEGER AND messages.recipient_id = %(partner)s::INTEGER AND messages.message_id > %(sent_after)s::INTEGER AND messages.is_deleted = false AND messages.message_id <= %(until)s::INTEGER AND messages.post_id = %(post)s::INTEGER ORDER BY messages.message_id ASC
 LIMIT %(end)s::BIGINT OFFSET %(param_2)s::INTEGER) AS anon_1 UNION ALL SELECT anon_2.message_id AS message_id
FROM (SELECT messages.message_id AS message_id
FROM messages
WHERE messages.sender_id = %(partner)s::INTEGER AND messages.recipient_id = %(me)s::INTEGER AND messages.sender_id != messages.recipient_id AND messages.message_id > %(after)s::INTEGER AND messages.is_deleted = false AND messages.message_id <= %(until)s::INTEGER AND messages.post_id = %(post)s::INTEGER ORDER BY messages.message_id ASC
 LIMIT %(end)s::BIGINT OFFSET %(param_3)s::INTEGER) AS anon_2) AS halves) AS numbered ON numbered.message_id = messages.message_id AND numbered.position > %(offset)s::BIGINT AND numbered.position <= %(end)s::BIGINT ORDER BY messages.message_id

-- threads._lengths[False]
SELECT count(*) AS count_1
FROM (SELECT messages.message_id AS message_id
FROM messages
WHERE messages.sender_id = %(me)s::INTEGER AND messages.recipient_id = %(partner)s::INTEGER AND messages.message_id > %(sent_after)s::INTEGER AND messages.is_deleted = false AND messages.message_id <= %(until)s::INTEGER UNION ALL SELECT messages.message_id AS message_id
FROM messages
WHERE messages.sender_id = %(partner)s::INTEGER AND messages.recipient_id = %(me)s::INTEGER AND messages.sender_id != messages.recipient_id AND messages.message_id > %(after)s::INTEGER AND messages.is_deleted = false AND messages.message_id <= %(until)s::INTEGER) AS halves

-- threads._lengths[True]
SELECT count(*) AS count_1
FROM (SELECT messages.message_id AS message_id
FROM messages
WHERE messages.sender_id = %(me)s::INTEGER AND messages.recipient_id = %(partner)s::INTEGER AND messages.message_id > %(sent_after)s::INTEGER AND messages.is_deleted = false AND messages.message_id <= %(until)s::INTEGER AND messages.post_id = %(post)s::INTEGER UNION ALL SELECT messages.message_id AS message_id
FROM messages
WHERE messages.sender_id = %(partner)s::INTEGER AND messages.recipient_id = %(me)s::INTEGER AND messages.sender_id != messages.recipient_id AND messages.message_id > %(after)s::INTEGER AND messages.is_deleted = false AND messages.message_id <= %(until)s::INTEGER AND messages.post_id = %(post)s::INTEGER) AS halves

-- threads._unread
SELECT count(*) AS count_1
FROM messages
WHERE messages.recipient_id = %(me)s::INTEGER AND messages.sender_id = %(partner)s::INTEGER AND messages.message_id + %(message_id_1)s::INTEGER > %(after)s::INTEGER AND messages.is_read_by_recipient = false AND messages.is_read = false AND messages.is_deleted = false

-- users._one
SELECT users.user_id, users.full_name, users.profile_picture_url, users.is_active
FROM users
WHERE users.user_id = %(user_id)s::INTEGER

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

-- users._active_of
SELECT users.user_id
FROM users
WHERE users.is_active = true AND users.user_id IN (%(id0)s::INTEGER, %(id1)s::INTEGER, %(id2)s::INTEGER, %(id3)s::INTEGER, %(id4)s::INTEGER, %(id5)s::INTEGER, %(id6)s::INTEGER, %(id7)s::INTEGER, %(id8)s::INTEGER, %(id9)s::INTEGER, %(id10)s::INTEGER, %(id11)s::INTEGER, %(id12)s::INTEGER, %(id13)s::INTEGER, %(id14)s::INTEGER, %(id15)s::INTEGER, %(id16)s::INTEGER, %(id17)s::INTEGER, %(id18)s::INTEGER, %(id19)s::INTEGER, %(id20)s::INTEGER, %(id21)s::INTEGER, %(id22)s::INTEGER, %(id23)s::INTEGER, %(id24)s::INTEGER, %(id25)s::INTEGER, %(id26)s::INTEGER, %(id27)s::INTEGER, %(id28)s::INTEGER, %(id29)s::INTEGER, %(id30)s::INTEGER, %(id31)s::INTEGER, %(id32)s::INTEGER, %(id33)s::INTEGER, %(id34)s::INTEGER, %(id35)s::INTEGER, %(id36)s::INTEGER, %(id37)s::INTEGER, %(id38)s::INTEGER, %(id39)s::INTEGER, %(id40)s::INTEGER, %(id41)s::INTEGER, %(id42)s::INTEGER, %(id43)s::INTEGER, %(id44)s::INTEGER, %(id45)s::INTEGER, %(id46)s::INTEGER, %(id47)s::INTEGER, %(id48)s::INTEGER, %(id49)s::INTEGER)
