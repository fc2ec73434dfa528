// The server tells all this by events as well; applying the answer too is for when the socket is down.
const act = (method, path, eventOf, body) => attempt(async () => {
  const { data } = await api(method, path, { body });
  apply(eventOf(data));
  refreshList();
});

// What cannot be undone goes at the second click only: the first one asks, for 3 s.
function isSure(button, question) {
  if (button.textContent === question) return true;
  const label = button.textContent;
  button.textContent = question;
  setTimeout(() => { button.textContent = label; }, 3_000);
  return false;
}

function deleteMessage(messageId, button) {
  const isMine = state.thread.messages.get(messageId)?.senderId === me();
  if (isMine || isSure(button, "Delete for both?")) act("DELETE", `/messages/${messageId}`, () => ({ type: "message_deleted", messageId }));
}

// Nothing says which messages its event is about, so what came since is not to be cleared by the answer as well.
function clearConversation() {
  const { partner } = state.thread;
  if (!isSure($("clearthread"), "Clear for you?")) return;
  attempt(async () => {
    await api("DELETE", `/messages/conversations/${partner}`);
    reloadThread();
    refreshList();
  });
}

const markMessageRead = (messageId) => act("POST", `/messages/${messageId}/read`,
  (message) => ({ type: "message_read", messageId, readAt: message.recipientReadAt }));

function markConversationRead() {
  const { thread } = state, { partner } = thread;
  thread.unseen = false;
  const event = { type: "conversation_read", conversationId: partner, readerId: me(), lastReadMessageId: newestId(thread) };
  return act("POST", `/messages/conversations/${partner}/read`, () => event);
}

const oldestId = (thread) => Math.min(...thread.messages.keys());
const newestId = (thread) => Math.max(0, ...thread.messages.keys());
const unreadOf = (thread) => [...thread.messages.values()].filter((message) => message.recipientId === me() && !message.isReadByRecipient);

// What arrives in the open thread is seen once the window shows the thread's end. Visible is enough, focus is not asked
// for: two windows side by side are what this page is for.
const watching = () => !document.hidden && $("thread").clientHeight > 0 && threadScroll.atBottom(); // no height: another pane

const autoRead = coalesced(async () => {
  const { thread } = state;
  if (!thread?.loaded || !$("autoread").checked || !watching()) return;
  if (thread.unseen || unreadOf(thread).length) await markConversationRead();
}, 50);

// After every change of the thread, and when the reader comes back: to its end, to this pane, to this window.
function look() {
  const { thread } = state;
  if (thread && watching()) thread.lastSeen = newestId(thread);
  const count = thread ? unreadOf(thread).filter((message) => message.messageId > thread.lastSeen).length : 0;
  $("jump").hidden = !count;
  $("jump").textContent = `${count} new ↓`;
  autoRead();
}
