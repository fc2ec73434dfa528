const drawConversationRows = keyedList($("conversations"));

const refreshList = coalesced(async () => {
  if (!state.session) return;
  await attempt(async () => {
    const { data } = await api("GET", "/messages/conversations?limit=100", { poll: true });
    state.conversations = data;
    for (const { userId, fullName, isOnline } of data) {
      state.names.set(userId, fullName);
      if (isOnline) noBlockWith(userId);
    }
    drawConversations();
  }, { poll: true });
}, 100);

function drawConversations() {
  const { conversations, thread } = state;
  const rows = conversations.map((preview) => [
    String(preview.userId),
    { ...preview, me: me(), open: preview.userId === thread?.partner, today: new Date().toDateString() },
    conversationNode,
  ]);
  const hint = state.session ? "No conversations yet. Choose somebody above to write to." : "Log in as a demo user to see the conversations.";
  drawConversationRows(rows.length ? rows : [["blank", hint, blankNode]]);
  const partner = conversations.find((preview) => preview.userId === thread?.partner);
  $("partner").textContent = thread ? nameOf(thread.partner) : "No conversation open";
  $("presence").textContent = partner ? presenceOf(partner) : "";
  $("markread").disabled = !partner?.unreadCount;
  $("clearthread").disabled = !partner;
  const unread = conversations.reduce((sum, preview) => sum + preview.unreadCount, 0);
  document.title = `${unread ? `(${unread}) ` : ""}${state.session ? nameOf(me()) : "ReGoods"} · debug chat`;
}

function presenceOf({ userId, isOnline }) {
  const seen = state.lastSeen.get(userId);
  return isOnline ? "online" : seen ? `last seen ${clock.format(seen)}` : "offline";
}

function conversationNode(preview) {
  const text = el("span", { class: "last", dir: "auto", text: (preview.lastMessageSenderId === preview.me ? "You: " : "") + (preview.lastMessage ?? "") });
  const badge = el("span", { class: "badge" }, el("span", { class: "unread", hidden: !preview.unreadCount, title: "unread", text: String(preview.unreadCount) }));
  const attributes = { "data-online": String(preview.isOnline), "aria-current": preview.open && "true", title: preview.postTitle && `About: ${preview.postTitle}` };
  return entryNode({ userId: preview.userId, fullName: preview.fullName, at: preview.lastMessageAt, text, attributes },
    preview.isOnline && el("span", { class: "aside", text: ", online" }), badge);
}

// A line of the left pane: a conversation, or a message found.
function entryNode({ userId, fullName, at, text, attributes }, afterName, badge) {
  const initials = fullName.split(" ").map((word) => [...word][0]).slice(0, 2).join("");
  const face = el("span", { class: "face", "aria-hidden": "true", text: initials });
  face.style.setProperty("--hue", (userId * 67) % 360);
  const when = at && new Date(at);
  return el("li", {}, el("button", { type: "button", class: "conversation", "data-user-id": userId, ...attributes },
    face,
    el("span", { class: "name", text: fullName }, afterName),
    when && el("time", { class: "when", datetime: at, text: (sameDay(when, new Date()) ? clock : shortDay).format(when) }),
    text,
    badge));
}
