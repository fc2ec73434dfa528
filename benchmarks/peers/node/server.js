// The migration plan's design: Express for REST, ws for events, better-sqlite3 for the rows.
// Environment: PORT, DATABASE (path), JWT_ACCESS_SECRET, USERS (ids 1 to USERS exist).
import { createSecretKey } from 'node:crypto';
import { createServer } from 'node:http';
import express from 'express';
import jwt from 'jsonwebtoken';
import { openDatabase } from './database.js';
import { SocketService } from './sockets.js';

const { PORT = '3001', DATABASE = 'peer.sqlite', JWT_ACCESS_SECRET, USERS = '20000' } = process.env;
if (!JWT_ACCESS_SECRET) throw new Error('JWT_ACCESS_SECRET is not set');

const MAX_ID = 2 ** 31 - 1;
const database = openDatabase(DATABASE, Number(USERS));
// A key object, for given a string jsonwebtoken first tries it as a public key, each time: a third of a send's CPU.
const key = createSecretKey(Buffer.from(JWT_ACCESS_SECRET));
const verifyToken = (token) => jwt.verify(token, key, { algorithms: ['HS256'] });

class HttpError extends Error {
  constructor(statusCode, code, message) {
    super(message);
    Object.assign(this, { statusCode, code });
  }
}

function authenticate(req, res, next) {
  const [scheme, token] = (req.headers.authorization ?? '').split(' ');
  if (scheme !== 'Bearer' || !token) throw new HttpError(401, 'UNAUTHORIZED', 'Authentication required');
  try {
    req.userId = verifyToken(token).userId;
  } catch {
    throw new HttpError(401, 'INVALID_TOKEN', 'Invalid or expired token');
  }
  next();
}

function validate({ recipientId, messageContent, messageType = 'text', attachmentUrl = null } = {}, senderId) {
  const refuse = (message) => { throw new HttpError(400, 'VALIDATION_ERROR', message); };
  if (!Number.isInteger(recipientId) || recipientId < 1 || recipientId > MAX_ID) refuse('recipientId is no user id');
  if (recipientId === senderId) refuse('recipientId: a message to oneself');
  if (typeof messageContent !== 'string' || !messageContent.trim()) refuse('messageContent is blank');
  if (messageContent.length > 5000) refuse('messageContent is longer than 5000 characters');
  if (messageType === 'system') throw new HttpError(403, 'FORBIDDEN', 'Clients may not send system messages');
  if (!['text', 'image'].includes(messageType)) refuse('messageType is unknown');
  if (attachmentUrl !== null && (!/^https?:\/\//.test(attachmentUrl) || attachmentUrl.length > 500)) {
    refuse('attachmentUrl is no http(s) URL');
  }
  return { recipientId, messageContent, messageType, attachmentUrl };
}

const person = ({ userId, fullName, profilePictureUrl }) => (
  { userId, fullName, ...(profilePictureUrl && { profilePictureUrl }) }
);

const app = express().disable('x-powered-by').use(express.json());

app.get('/health', (req, res) => res.json({ status: 'ok', timestamp: new Date().toISOString() }));

app.post('/api/v1/messages', authenticate, (req, res) => {
  const senderId = req.userId;
  const body = validate(req.body, senderId);
  const sender = database.user(senderId);
  if (!sender?.isActive) throw new HttpError(403, 'FORBIDDEN', 'Sender is inactive');
  const recipient = database.user(body.recipientId);
  if (!recipient?.isActive) throw new HttpError(404, 'RESOURCE_NOT_FOUND', 'Recipient not found');

  const now = new Date().toISOString();
  const messageId = database.addMessage({ senderId, ...body, now });
  const { attachmentUrl, ...content } = body;
  const message = {
    messageId, senderId, ...content, ...(attachmentUrl && { attachmentUrl }),
    isReadByRecipient: false, isReadBySender: true, isRead: false, isDeleted: false, isEdited: false,
    createdAt: now, updatedAt: now, sender: person(sender), recipient: person(recipient),
  };
  sockets.push(body.recipientId, { type: 'message', message });
  sockets.push(senderId, { type: 'message_sent', message });
  res.status(201).json({ success: true, data: message });
});

app.use((req, res, next) => next(new HttpError(404, 'RESOURCE_NOT_FOUND', 'Not found')));

app.use((error, req, res, next) => {
  const statusCode = error.statusCode ?? 500;
  const code = error.code ?? (statusCode < 500 ? 'BAD_REQUEST' : 'INTERNAL_ERROR');
  const message = statusCode < 500 ? error.message : 'Internal error';
  res.status(statusCode).json({ success: false, message, error: { code, message, statusCode } });
});

const server = createServer(app);
const sockets = new SocketService(server, verifyToken);
server.listen(Number(PORT), '127.0.0.1', () => console.log(`listening on ${PORT}`));

process.on('SIGTERM', () => {
  sockets.shutdown();
  server.close(() => database.close());
  server.closeAllConnections();
});
