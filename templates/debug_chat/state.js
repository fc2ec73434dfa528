const API = "/api/v1";
const PAGE = 50; // messages asked for at once
const POLL = 5_000; // ms; the product's SPA refetches its list as often
const PING = 30_000; // ms between application-level pings
const LONGEST_WAIT = 30_000; // ms between two tries to connect
const AGAIN = 1_000; // ms before a message is sent again of which no answer came
const TYPING_EVERY = 1_500; // ms at least between two typing frames
const TYPING_SHOWN = 3_000; // ms a typing event stays on the screen
const LARGEST_PICTURE = 5 * 2 ** 20; // bytes
const LOG_ENTRIES = 500;
const LINE = 1_000; // characters of an entry that is not opened

// The chosen user and partner live in the URL's hash and all else in this window, so two windows can be two users.
const state = {
  session: null, // {userId, token, expiresAt, minting} and what sync.js keeps; a new object for each login, so late answers are told apart
  names: new Map(), // user id -> full name, from everything that mentions one
  users: [], // the demo users
  conversations: [],
  lastSeen: new Map(), // user id -> when he went offline, as far as events told
  thread: null, // {partner, messages: Map(id -> Message), older, loaded, unseen, lastSeen, backlogs, blocked, sought}; a new object for each opening
  pending: [], // messages on their way: {id, session, partner, text, picture, key}
  gone: new Set(), // ids of deleted messages: an answer already under way must not bring one back
  drafts: new Map(), // "me:partner" -> {text, picture, failed}: what is unsent, and the message as which it failed
  blockTold: 0, // id of the partner with whom there is a block, by what the error line says, or 0
  editing: 0, // id of the message that the box edits, or 0
};
