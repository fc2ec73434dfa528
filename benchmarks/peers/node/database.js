// The Messages table in SQLite: WAL, every commit on disk before it is answered.
import { readFileSync } from 'node:fs';
import Database from 'better-sqlite3';

const beside = (name) => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');

export function openDatabase(path, users) {
  const db = new Database(path);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.exec(beside('schema.sql'));
  db.prepare(beside('users.sql')).run(users);

  const selectUser = db.prepare(
    'SELECT UserID AS userId, FullName AS fullName, ProfilePictureURL AS profilePictureUrl, IsActive AS isActive'
    + ' FROM Users WHERE UserID = ?',
  );
  const insertMessage = db.prepare(
    'INSERT INTO Messages (SenderID, RecipientID, MessageContent, MessageType, AttachmentURL, CreatedAt, UpdatedAt)'
    + ' VALUES (@senderId, @recipientId, @messageContent, @messageType, @attachmentUrl, @now, @now)',
  );
  return {
    user: (userId) => selectUser.get(userId),
    addMessage: (message) => insertMessage.run(message).lastInsertRowid,
    close: () => db.close(),
  };
}
