// The types of ReGoods messaging's contract: `make types` makes them of /api/v1/openapi.json and /api/v1/asyncapi.json.
// An optional field is left out where there is nothing; it is `null` only where a client may send that.

export interface Attachment {
  url: string;
}

/**
 * A token: of the first frame of a socket that was opened without one, or a newer one for an open socket. Answered
 * with `authenticated`; a bad one, or another user's, with `error`, and the socket stays as it was.
 */
export interface AuthFrame {
  type: "auth";
  token: string;
}

/** Additive, the answer to `auth`: the socket is good until then, and warns before. */
export interface Authenticated {
  type: "authenticated";
  expiresAt: string;
}

/** Batches of units of work, each one transaction: their time in the database, commits included. */
export interface BatchStats {
  count: number;
  meanMs: number;
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
  meanUnits: number;
}

export interface Block {
  userId: number;
  user: UserRef;
  blockedAt: string;
}

export interface BlockState {
  userId: number;
  isBlocked: boolean;
  blockedAt?: string;
}

/** What went between this node and the others (docs/scaling.md). */
export interface BusStats {
  published: number;
  received: number;
  resyncs: number;
  lagMs: number;
  limitsAlone: number;
}

/** Whose conversation with the caller was cleared. */
export interface Cleared {
  userId: number;
}

/** The first event of every socket. */
export interface Connected {
  type: "connected";
  userId: number;
  latest?: number;
}

export interface Conversation {
  conversationId: number;
  userId: number;
  user: Partner;
  messages: Message[];
  unreadCount: number;
  postId?: number;
  post?: PostRef;
}

/** Additive: to the sockets of the one who cleared it alone; `userId` is the partner's. */
export interface ConversationCleared {
  type: "conversation_cleared";
  userId: number;
  /** Its number in the receiver's log, one more than that of the one before. */
  seq: number;
}

/** A partner, and the last message with him. */
export interface ConversationPreview {
  conversationId: number;
  userId: number;
  fullName: string;
  profilePictureUrl?: string;
  lastMessage: string;
  lastMessageAt: string;
  lastMessageSenderId: number;
  unreadCount: number;
  postId?: number;
  postTitle?: string;
  isOnline: boolean;
}

/** Additive: to both; `count` messages up to `lastReadMessageId`. */
export interface ConversationRead {
  type: "conversation_read";
  conversationId: number;
  readerId: number;
  count: number;
  lastReadMessageId: number;
  /** Its number in the receiver's log, one more than that of the one before. */
  seq: number;
}

export interface DatabaseStats {
  writes: BatchStats;
  reads: BatchStats;
  slowReads: BatchStats;
}

export interface Deleted {
  messageId: number;
}

export interface Edit {
  messageContent: string;
}

export interface ErrorBody {
  code: "BAD_REQUEST" | "CONFLICT" | "FORBIDDEN" | "INTERNAL_ERROR" | "INVALID_TOKEN" | "RATE_LIMIT_EXCEEDED" | "RESOURCE_NOT_FOUND" | "SERVICE_UNAVAILABLE" | "UNAUTHORIZED" | "VALIDATION_ERROR";
  message: string;
  statusCode: number;
  details?: ErrorDetail[];
}

/** One field that is wrong, by its name on the wire. */
export interface ErrorDetail {
  field: string;
  message: string;
}

/** The frame before it was not acted upon; the socket stays open. */
export interface ErrorEvent {
  type: "error";
  code: "BAD_REQUEST" | "CONFLICT" | "FORBIDDEN" | "INTERNAL_ERROR" | "INVALID_TOKEN" | "RATE_LIMIT_EXCEEDED" | "RESOURCE_NOT_FOUND" | "SERVICE_UNAVAILABLE" | "UNAUTHORIZED" | "VALIDATION_ERROR";
  message: string;
}

/** An entry in a user's log. */
export type Event =
  | MessageRead
  | ConversationRead
  | ConversationCleared
  | MessageEvent
  | MessageSent
  | MessageEdited
  | MessageDeleted;

/** `message` stands at the top level too: there the SPA looks first. */
export interface Failure {
  success: false;
  message: string;
  error: ErrorBody;
}

/**
 * Additive: this server stops and will close the socket with 1001. So that not all come at once, each socket is
 * told its own time to come back.
 */
export interface GoingAway {
  type: "going_away";
  retryAfterMs: number;
}

export interface Health {
  status: string;
  timestamp: string;
}

/** Since this process started. Percentiles are estimated from the buckets of `/metrics`. */
export interface LatencyStats {
  count: number;
  meanMs: number;
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
}

/** How late the loop, which serves everyone, comes to what is due: looked at ten times a second. */
export interface LoopStats {
  lagMs: number;
  longestLagMs: number;
}

export interface MemoryStats {
  residentBytes: number;
}

export interface Message {
  messageId: number;
  senderId: number;
  recipientId: number;
  postId?: number;
  messageContent: string;
  messageType: "text" | "image" | "system";
  attachmentUrl?: string;
  isReadByRecipient: boolean;
  recipientReadAt?: string;
  isReadBySender: boolean;
  senderReadAt?: string;
  isRead: boolean;
  readAt?: string;
  isDeleted: boolean;
  deletedBy?: number;
  isEdited: boolean;
  editedAt?: string;
  parentMessageId?: number;
  createdAt: string;
  updatedAt: string;
  sender: UserRef;
  recipient: UserRef;
  post?: PostRef;
}

/** To both. */
export interface MessageDeleted {
  type: "message_deleted";
  messageId: number;
  /** Its number in the receiver's log, one more than that of the one before. */
  seq: number;
}

/** A REST call that a client says again: ignored, without event or error. */
export interface MessageDeletedFrame {
  type: "message_deleted";
}

/** To both. */
export interface MessageEdited {
  type: "message_edited";
  message: Message;
  /** Its number in the receiver's log, one more than that of the one before. */
  seq: number;
}

/** A REST call that a client says again: ignored, without event or error. */
export interface MessageEditedFrame {
  type: "message_edited";
}

/** A new message: to the recipient's sockets only, for the SPA counts each one as unread. */
export interface MessageEvent {
  type: "message";
  message: Message;
  /** Its number in the receiver's log, one more than that of the one before. */
  seq: number;
}

/** A REST call that a client says again: ignored, without event or error. */
export interface MessageFrame {
  type: "message";
}

/** The recipient read it: to the sender's and the reader's sockets. */
export interface MessageRead {
  type: "message_read";
  messageId: number;
  readAt: string;
  /** Its number in the receiver's log, one more than that of the one before. */
  seq: number;
}

/** A REST call that a client says again: ignored, without event or error. */
export interface MessageReadFrame {
  type: "message_read";
}

/** Additive: a new message, to the sender's own sockets. */
export interface MessageSent {
  type: "message_sent";
  message: Message;
  /** Its number in the receiver's log, one more than that of the one before. */
  seq: number;
}

/** Events as they were pushed. */
export interface Missed {
  events: Event[];
  latest: number;
  more: boolean;
  complete: boolean;
}

/** `messageType` is `text` where left out; `system` is not for clients. */
export interface NewMessage {
  recipientId: number;
  messageContent: string;
  messageType?: "text" | "image" | null;
  postId?: number | null;
  attachmentUrl?: string | null;
  parentMessageId?: number | null;
}

export interface Pagination {
  total: number;
  page: number;
  limit: number;
  pages: number;
}

export interface Partner {
  userId: number;
  fullName: string;
  profilePictureUrl?: string;
  isOnline: boolean;
}

/** Answered with `pong`. */
export interface PingFrame {
  type: "ping";
}

/** The answer to a `ping`. */
export interface Pong {
  type: "pong";
}

export interface PostRef {
  postId: number;
  title: string;
  price: number;
  status: string;
  imageUrl?: string;
}

/** Additive: to the online partners. */
export interface Presence {
  type: "presence";
  userId: number;
  isOnline: boolean;
  lastSeenAt: string;
}

/** Units of work that wait for the database or are under way. */
export interface QueueStats {
  writes: number;
  reads: number;
  slowReads: number;
  refused: number;
}

/** What was more than a user may. */
export interface RateLimitedStats {
  reads: number;
  writes: number;
  frames: number;
}

/** How many messages a call marked; `count` is `recipientCount`, for the SPA. */
export interface ReadCounts {
  recipientCount: number;
  senderCount: number;
  count: number;
}

export interface Readiness {
  status: "degraded" | "draining" | "ok" | "unavailable";
  degraded: string[];
}

/** Additive: events behind `since` did not come this way. A client that has less than `latest` catches up. */
export interface Resync {
  type: "resync";
  since: number;
  latest: number;
}

/**
 * Additive, a minute before the token's end, to sockets that speak `regoods` or have sent `auth`: send a newer one
 * by `auth`.
 */
export interface TokenExpiring {
  type: "token_expiring";
  expiresAt: string;
}

/** To the partner; `conversationId` as he knows it. */
export interface Typing {
  type: "typing";
  conversationId: number;
  userId: number;
}

/** The caller is writing. Where `recipientId` is left out, `conversationId` names the partner. */
export interface TypingFrame {
  type: "typing";
  conversationId: number;
  recipientId?: number | null;
}

export interface UnreadCount {
  count: number;
}

export interface UserRef {
  userId: number;
  fullName: string;
  profilePictureUrl?: string;
}

export interface Version {
  version: string;
  python: string;
  startedAt: string;
  commit?: string;
}

/** The plan's `getMetrics`: counts since this process started. */
export interface WebSocketStats {
  activeConnections: number;
  onlineUsers: number;
  messagesSent: number;
  messagesReceived: number;
  connectionErrors: number;
  avgConnectionDuration: number;
  refused: Record<string, number>;
  closed: Record<string, number>;
  deliveryLatency: LatencyStats;
  sendLatency: LatencyStats;
  eventsByType: Record<string, number>;
  rateLimited: RateLimitedStats;
  slowConsumers: number;
  reaped: number;
  bus: BusStats;
  loop: LoopStats;
  queues: QueueStats;
  database: DatabaseStats;
  memory: MemoryStats;
  openFiles: number;
  maxOpenFiles: number;
}

/** What the server sends over the socket. */
export type ServerEvent =
  | Connected
  | Pong
  | Resync
  | GoingAway
  | Authenticated
  | TokenExpiring
  | ErrorEvent
  | MessageRead
  | ConversationRead
  | ConversationCleared
  | MessageEvent
  | MessageSent
  | MessageEdited
  | MessageDeleted
  | Typing
  | Presence;

/** What a client may send over the socket. */
export type ClientFrame =
  | PingFrame
  | AuthFrame
  | MessageFrame
  | MessageDeletedFrame
  | MessageEditedFrame
  | MessageReadFrame
  | TypingFrame;

/**
 * Every REST call: what it takes, and the body of its success. Any other status gives a `Failure`, where the call does
 * not say otherwise.
 */
export interface Calls {
  /** Whom the caller blocks, the latest first. */
  "GET /api/v1/messages/blocks": {
    query: { limit?: number; offset?: number; };
    answer: { success: true; data: Block[]; pagination: Pagination; };
  };
  /** Whether the caller blocks this user; whether he is blocked is not told. */
  "GET /api/v1/messages/blocks/{userId}": {
    path: { userId: number; };
    answer: { success: true; data: BlockState; };
  };
  /** Block a user; a block that stands stays as it is. */
  "PUT /api/v1/messages/blocks/{userId}": {
    path: { userId: number; };
    answer: { success: true; data: BlockState; };
  };
  /** Unblock a user. */
  "DELETE /api/v1/messages/blocks/{userId}": {
    path: { userId: number; };
    answer: { success: true; data: BlockState; };
  };
  /** One preview a partner, newest first. */
  "GET /api/v1/messages/conversations": {
    query: { limit?: number; offset?: number; };
    answer: { success: true; data: ConversationPreview[]; pagination: Pagination; };
  };
  /** How many messages the caller has received and not read. */
  "GET /api/v1/messages/unread-count": {
    answer: { success: true; data: UnreadCount; };
  };
  /** Mark everything between the caller and this user as read. */
  "POST /api/v1/messages/conversations/{userId}/read": {
    path: { userId: number; };
    answer: { success: true; data: ReadCounts; };
  };
  /** Send a message. */
  "POST /api/v1/messages": {
    header: { "Idempotency-Key"?: string; };
    body: NewMessage;
    answer: { success: true; data: Message; };
  };
  /** Mark a message read, as its recipient or its sender. */
  "POST /api/v1/messages/{messageId}/read": {
    path: { messageId: number; };
    answer: { success: true; data: Message; };
  };
  /** One message, for its participants. */
  "GET /api/v1/messages/{messageId}": {
    path: { messageId: number; };
    answer: { success: true; data: Message; };
  };
  /** Edit one's own message, within 15 minutes of sending it. */
  "PUT /api/v1/messages/{messageId}": {
    path: { messageId: number; };
    body: Edit;
    answer: { success: true; data: Message; };
  };
  /** Delete a message, for both. */
  "DELETE /api/v1/messages/{messageId}": {
    path: { messageId: number; };
    answer: { success: true; data: Deleted; };
  };
  /** The latest messages with somebody, oldest first; older than the message `before`, or the first after one. */
  "GET /api/v1/messages/user/{userId}": {
    path: { userId: number; };
    query: { limit?: number; offset?: number; postId?: number; before?: number; after?: number; };
    answer: { success: true; data: Message[]; pagination: Pagination; };
  };
  /** A conversation by its id, for its participants; a number below 2**31 is the partner's user id. */
  "GET /api/v1/messages/conversations/id/{conversationId}": {
    path: { conversationId: number; };
    answer: { success: true; data: Conversation; };
  };
  /** The conversation with somebody; empty where the two have not written to each other. */
  "GET /api/v1/messages/conversations/{userId}": {
    path: { userId: number; };
    query: { postId?: number; };
    answer: { success: true; data: Conversation; };
  };
  /** Clear a conversation for the caller alone; a new message brings it back. */
  "DELETE /api/v1/messages/conversations/{userId}": {
    path: { userId: number; };
    answer: { success: true; data: Cleared; };
  };
  /** The caller's events behind the number `since`, in order; 0 gives all that are kept. */
  "GET /api/v1/messages/sync": {
    query: { since: number; limit?: number; };
    answer: { success: true; data: Missed; };
  };
  /** Upload a picture: JPEG, PNG, GIF or WebP, 5 MB at most. */
  "POST /api/v1/messages/attachments": {
    body: { file: Blob; };
    answer: { success: true; data: Attachment; };
  };
  /** A picture, for whoever has its address. */
  "GET /attachments/{name}": {
    path: { name: string; };
    answer: Blob;
  };
  /** Search in one's own messages, with everybody or with one partner, newest first. */
  "GET /api/v1/messages/search": {
    query: { query: string; userId?: number; limit?: number; offset?: number; };
    answer: { success: true; data: Message[]; pagination: Pagination; };
  };
  /** Which program this is, and since when it runs. */
  "GET /version": {
    answer: Version;
  };
  /** Whether the process is alive. */
  "GET /health": {
    answer: Health;
  };
  /** Whether requests may be sent to this process: 200 if so, 503 if not; `degraded`: what does not answer. */
  "GET /health/ready": {
    answer: Readiness;
  };
  /** What the sockets of this process are doing. */
  "GET /health/websocket-stats": {
    answer: WebSocketStats;
  };
  /** Whether the process is alive. */
  "GET /api/v1/health": {
    answer: Health;
  };
  /** Whether requests may be sent to this process: 200 if so, 503 if not; `degraded`: what does not answer. */
  "GET /api/v1/health/ready": {
    answer: Readiness;
  };
  /** What the sockets of this process are doing. */
  "GET /api/v1/health/websocket-stats": {
    answer: WebSocketStats;
  };
  /** What this process counted and measured, in Prometheus' text format; 404 from outside, by nginx. */
  "GET /metrics": {
    answer: Blob;
  };
  /** The OpenAPI document of these calls. */
  "GET /api/v1/openapi.json": {
    answer: Record<string, unknown>;
  };
  /** The AsyncAPI document of the socket. */
  "GET /api/v1/asyncapi.json": {
    answer: Record<string, unknown>;
  };
}
