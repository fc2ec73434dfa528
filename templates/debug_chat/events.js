// What is known: the one place where events, and the answers to calls, change the open thread.

// The contract's id of a conversation, the same from both sides; where it is below 2^31 it means the partner.
function isBetween(conversationId, partner) {
  const high = Math.max(me(), partner), low = Math.min(me(), partner);
  return conversationId === partner || conversationId === 2 ** 32 + high * high + low;
}

// Answers and events overtake each other: a receipt may be here before the answer to the POST it is about. Read
// stays read, and a later edit wins.
function newest(known, message) {
  if (!known) return message;
  const later = (known.editedAt ?? "") > (message.editedAt ?? "") ? known : message;
  return known.isReadByRecipient ? { ...later, isReadByRecipient: true, recipientReadAt: known.recipientReadAt ?? later.recipientReadAt } : later;
}

// Takes server events, and the answers to our own calls in their shape; hearing both, or one twice, does no harm.
function apply(event) {
  const { thread } = state;
  if (event.type === "message_deleted") state.gone.add(event.messageId);
  if (!thread) return;
  for (const backlog of thread.backlogs) backlog.push(event);
  const { messages } = thread;
  const { message } = event;
  switch (event.type) {
    case "message": case "message_sent":
      if (partnerOf(message) !== thread.partner || state.gone.has(message.messageId)) return;
      if (!messages.has(message.messageId)) { // the event may be faster than the answer to the POST
        const sent = state.pending.findIndex((item) => item.session === state.session && item.partner === message.recipientId && (item.picture ? item.picture.url === message.attachmentUrl : item.text === message.messageContent));
        if (sent >= 0) state.pending.splice(sent, 1);
        if (message.messageId < oldestId(thread)) thread.older -= 1;
      }
      messages.set(message.messageId, newest(messages.get(message.messageId), message));
      break;
    case "message_edited":
      if (messages.has(message.messageId)) messages.set(message.messageId, newest(messages.get(message.messageId), message));
      break;
    case "message_deleted":
      messages.delete(event.messageId);
      break;
    case "conversation_cleared":
      if (event.userId !== thread.partner) return;
      messages.clear();
      thread.older = 0;
      break;
    case "message_read": {
      const known = messages.get(event.messageId);
      if (known) messages.set(event.messageId, { ...known, isReadByRecipient: true, recipientReadAt: event.readAt });
      break;
    }
    case "conversation_read": // its message_read events bring the times, for the newest 100
      if (!isBetween(event.conversationId, thread.partner)) return;
      for (const [id, known] of messages) {
        if (known.recipientId === event.readerId && id <= event.lastReadMessageId) messages.set(id, { ...known, isReadByRecipient: true });
      }
  }
  if (state.editing && !messages.has(state.editing)) {
    keepDraft(state.session, thread.partner, $("compose").value);
    leaveEdit();
    showError("The message you were editing was deleted. Your text is in the box.");
  }
  drawThread();
}

function showPresence({ userId, isOnline, lastSeenAt }) {
  if (isOnline) noBlockWith(userId);
  else state.lastSeen.set(userId, new Date(lastSeenAt));
  for (const preview of state.conversations) if (preview.userId === userId) preview.isOnline = isOnline;
  drawConversations();
}
