-- What ReGoods messaging adds to its database, up to revision 0009. Nothing that is there is
-- changed. Each statement looks whether its thing is there: the text may be run again, and after an error.
-- Run it outside of a transaction: psql -v ON_ERROR_STOP=1 -f FILE.

-- 0001: ReGoods' own tables (contract, section 6), on a database that has none of them: for development and tests.

DO $$ BEGIN IF to_regclass('users') IS NULL THEN CREATE TABLE users ( user_id SERIAL NOT NULL, email VARCHAR(255) NOT NULL, phone_number VARCHAR(50) NOT NULL, payments_number VARCHAR(50), full_name VARCHAR(255) NOT NULL, password_hash VARCHAR(255), oauth_provider VARCHAR(50), oauth_provider_id VARCHAR(255), profile_picture_url VARCHAR(500), location VARCHAR(255), bio TEXT, is_email_verified BOOLEAN DEFAULT false NOT NULL, is_phone_verified BOOLEAN DEFAULT false NOT NULL, is_active BOOLEAN DEFAULT true NOT NULL, is_admin BOOLEAN DEFAULT false NOT NULL, created_at TIMESTAMP WITH TIME ZONE NOT NULL, updated_at TIMESTAMP WITH TIME ZONE NOT NULL, seller_rating NUMERIC(3, 2), total_ratings INTEGER DEFAULT '0' NOT NULL, positive_ratings INTEGER DEFAULT '0' NOT NULL, PRIMARY KEY (user_id) ); END IF; END $$;

DO $$ BEGIN IF to_regclass('posts') IS NULL THEN CREATE TABLE posts ( post_id SERIAL NOT NULL, user_id INTEGER NOT NULL, title VARCHAR(255) NOT NULL, category_id INTEGER NOT NULL, brand VARCHAR(255), description TEXT NOT NULL, price NUMERIC(18, 2) NOT NULL, location VARCHAR(255) NOT NULL, gps_location VARCHAR(255), delivery_method VARCHAR(50), contact_number VARCHAR(50) NOT NULL, email_address VARCHAR(255), status VARCHAR(50) NOT NULL, created_at TIMESTAMP WITH TIME ZONE NOT NULL, updated_at TIMESTAMP WITH TIME ZONE NOT NULL, PRIMARY KEY (post_id) ); END IF; END $$;

DO $$ BEGIN IF to_regclass('post_images') IS NULL THEN CREATE TABLE post_images ( image_id SERIAL NOT NULL, post_id INTEGER NOT NULL, image_url VARCHAR(500) NOT NULL, display_order INTEGER NOT NULL, PRIMARY KEY (image_id) ); END IF; END $$;

DO $$ BEGIN IF to_regclass('messages') IS NULL THEN CREATE TABLE messages ( message_id SERIAL NOT NULL, sender_id INTEGER NOT NULL, recipient_id INTEGER NOT NULL, post_id INTEGER, message_content TEXT NOT NULL, message_type VARCHAR(20) DEFAULT 'text' NOT NULL, attachment_url VARCHAR(500), is_read_by_recipient BOOLEAN DEFAULT false NOT NULL, recipient_read_at TIMESTAMP WITH TIME ZONE, is_read_by_sender BOOLEAN DEFAULT true NOT NULL, sender_read_at TIMESTAMP WITH TIME ZONE, is_read BOOLEAN DEFAULT false NOT NULL, read_at TIMESTAMP WITH TIME ZONE, is_deleted BOOLEAN DEFAULT false NOT NULL, deleted_by INTEGER, is_edited BOOLEAN DEFAULT false NOT NULL, edited_at TIMESTAMP WITH TIME ZONE, parent_message_id INTEGER, created_at TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP NOT NULL, updated_at TIMESTAMP WITH TIME ZONE, PRIMARY KEY (message_id) ); ALTER TABLE messages ADD FOREIGN KEY (sender_id) REFERENCES users (user_id); ALTER TABLE messages ADD FOREIGN KEY (recipient_id) REFERENCES users (user_id); ALTER TABLE messages ADD FOREIGN KEY (post_id) REFERENCES posts (post_id); ALTER TABLE messages ADD FOREIGN KEY (parent_message_id) REFERENCES messages (message_id); END IF; END $$;

-- 0002: The indexes by which lists, threads and unread counts are read without scanning, whatever else is written.

CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_messages_attachment_url ON messages (attachment_url) WHERE attachment_url IS NOT NULL;

CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_messages_received ON messages (recipient_id, sender_id, message_id, is_deleted);

CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_messages_received_newest ON messages (recipient_id, message_id);

CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_messages_sent ON messages (sender_id, recipient_id, message_id, is_deleted);

CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_messages_sent_newest ON messages (sender_id, message_id);

CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_messages_unread ON messages (recipient_id, sender_id, message_id) WHERE is_read_by_recipient = false AND is_read = false AND is_deleted = false;

CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_post_images_post_id ON post_images (post_id);

-- 0003: Which conversations somebody cleared, and up to which message.

DO $$ BEGIN IF to_regclass('messaging_clears') IS NULL THEN CREATE TABLE messaging_clears ( user_id INTEGER NOT NULL, partner_id INTEGER NOT NULL, cleared_up_to INTEGER NOT NULL, cleared_at TIMESTAMP WITH TIME ZONE NOT NULL, PRIMARY KEY (user_id, partner_id) ); END IF; END $$;

-- 0004: The log of each user's events, by which a client catches up.

DO $$ BEGIN IF to_regclass('messaging_events') IS NULL THEN CREATE TABLE messaging_events ( event_id BIGSERIAL NOT NULL, user_id INTEGER NOT NULL, seq INTEGER NOT NULL, event TEXT NOT NULL, created_at TIMESTAMP WITH TIME ZONE NOT NULL, PRIMARY KEY (event_id) ); END IF; END $$;

CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS ix_messaging_events_user ON messaging_events (user_id, seq);

DO $$ BEGIN IF to_regclass('messaging_cursors') IS NULL THEN CREATE TABLE messaging_cursors ( user_id INTEGER NOT NULL, latest INTEGER NOT NULL, PRIMARY KEY (user_id) ); END IF; END $$;

DO $$ BEGIN IF to_regclass('messaging_logged') IS NULL THEN CREATE TABLE messaging_logged ( message_id INTEGER NOT NULL, PRIMARY KEY (message_id) ); END IF; END $$;

-- 0005: Keys under which clients send a message once.

DO $$ BEGIN IF to_regclass('messaging_keys') IS NULL THEN CREATE TABLE messaging_keys ( user_id INTEGER NOT NULL, key_digest BIGINT NOT NULL, body_digest BIGINT NOT NULL, message_id INTEGER NOT NULL, created_at TIMESTAMP WITH TIME ZONE NOT NULL, PRIMARY KEY (user_id, key_digest) ); END IF; END $$;

CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_messaging_keys_created_at ON messaging_keys (created_at);

-- 0006: Who blocks whom.

DO $$ BEGIN IF to_regclass('messaging_blocks') IS NULL THEN CREATE TABLE messaging_blocks ( user_id INTEGER NOT NULL, blocked_id INTEGER NOT NULL, created_at TIMESTAMP WITH TIME ZONE NOT NULL, PRIMARY KEY (user_id, blocked_id) ); END IF; END $$;

CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_messaging_blocks_blocked_id ON messaging_blocks (blocked_id, user_id);

-- 0007: Who uploaded what, and an index by which a picture's messages are found.

DO $$ BEGIN IF to_regclass('messaging_uploads') IS NULL THEN CREATE TABLE messaging_uploads ( upload_id SERIAL NOT NULL, user_id INTEGER NOT NULL, url VARCHAR(500), is_refused BOOLEAN NOT NULL, created_at TIMESTAMP WITH TIME ZONE NOT NULL, check_at TIMESTAMP WITH TIME ZONE NOT NULL, PRIMARY KEY (upload_id) ); END IF; END $$;

CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_messaging_uploads_check_at ON messaging_uploads (check_at);

CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_messaging_uploads_url ON messaging_uploads (url);

CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_messaging_uploads_user_id ON messaging_uploads (user_id, created_at);

CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_messages_attachment_url ON messages (attachment_url) WHERE attachment_url IS NOT NULL;

-- 0008: What search has beside the index of the texts (0009): what was edited, on SQLite; the newest first, on PostgreSQL.

CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_messages_received_newest ON messages (recipient_id, message_id);

CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_messages_sent_newest ON messages (sender_id, message_id);

-- 0009: What makes messages findable: FTS5 on the embedded database, trigrams on PostgreSQL; SQL Server needs nothing.

DO $$ BEGIN CREATE EXTENSION IF NOT EXISTS pg_trgm; EXCEPTION WHEN OTHERS THEN RAISE NOTICE USING MESSAGE = 'Search goes without an index, for lack of pg_trgm: ' || SQLERRM; END $$;

DO $$ BEGIN IF EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm' AND current_setting('server_encoding') = 'UTF8') THEN CREATE INDEX IF NOT EXISTS ix_messages_joined ON messages USING gin ((replace(CASE WHEN (char_length(message_content) = octet_length(message_content)) THEN lower(message_content COLLATE "C") COLLATE "C" ELSE replace(replace(replace(replace(lower(message_content COLLATE "und-x-icu"), U&'\03c2', U&'\03c3'), U&'\0131', 'i'), U&'\00df', 'ss'), U&'\0307', '') COLLATE "C" END, ' ', '')) gin_trgm_ops) WITH (gin_pending_list_limit = 1024); END IF; END $$;

DROP INDEX CONCURRENTLY IF EXISTS ix_messages_content;

-- The revision that the database has now

CREATE TABLE IF NOT EXISTS messaging_migrations (version_num VARCHAR(32) NOT NULL, CONSTRAINT messaging_migrations_pkc PRIMARY KEY (version_num));

DELETE FROM messaging_migrations;

INSERT INTO messaging_migrations (version_num) VALUES ('0009');
