const threadScroll = sticky($("thread"), look);
const drawThreadRows = keyedList($("thread"));

function openThread(partner, { focus = false } = {}) {
  state.thread = partner && state.session && partner !== me() ? { partner, messages: new Map(), older: 0, loaded: false, unseen: true, lastSeen: 0, backlogs: new Set(), blocked: undefined, sought: 0 } : null;
  const open = Boolean(state.thread);
  showError(""); // of what was tried in another one
  $("newchat").value = open ? String(partner) : "";
  if ($("newchat").selectedIndex < 0) $("newchat").value = "";
  showTyping(0);
  leaveEdit();
  fillFaultUsers();
  drawConversations();
  threadScroll.toBottom();
  writeHash();
  showPane(open ? "chat" : "chats");
  if (focus && open) $("compose").focus();
  $("clearthread").textContent = "Clear chat";
  drawHits();
  if ($("within").checked) find();
  if (open) loadBlock();
  return reloadThread();
}

// Fetches as many of the latest messages as are on the screen, so edits and deletions missed meanwhile show as well.
// Events that arrive during the fetch may be newer than its answer: they are kept and told again after it.
function reloadThread({ poll = false } = {}) {
  const { thread } = state;
  if (!thread) return Promise.resolve();
  const backlog = [];
  thread.backlogs.add(backlog);
  return attempt(async () => {
    const wanted = Math.max(PAGE, thread.messages.size);
    const fresh = new Map();
    let answer;
    do {
      answer = await getPage(thread, Math.min(100, wanted), fresh.size, poll);
      for (const message of answer.data) fresh.set(message.messageId, message);
    } while (fresh.size < Math.min(wanted, answer.pagination.total) && answer.data.length);
    thread.messages = fresh;
    thread.older = answer.pagination.total - fresh.size;
    thread.loaded = true;
    thread.backlogs.delete(backlog);
    if (thread !== state.thread) throw new Stale();
    backlog.forEach(apply);
    drawThread();
  }, { poll }).finally(() => thread.backlogs.delete(backlog));
}

function getPage(thread, limit, offset, poll = false) {
  return api("GET", `/messages/user/${thread.partner}?limit=${limit}&offset=${offset}`, { poll });
}

function loadOlder() {
  const { thread } = state;
  return attempt(async () => {
    const { data, pagination } = await getPage(thread, PAGE, thread.messages.size);
    if (thread !== state.thread) return;
    for (const message of data) if (!state.gone.has(message.messageId)) thread.messages.set(message.messageId, message);
    thread.older = data.length ? Math.max(0, pagination.total - thread.messages.size) : 0;
    const list = $("thread"), below = list.scrollHeight - list.scrollTop;
    drawThread();
    list.scrollTop = list.scrollHeight - below; // what one was reading stays where it was
  });
}

function drawThread() {
  const { thread } = state;
  if (!thread) {
    drawThreadRows([["welcome", Boolean(state.session), welcomeNode]]);
    return look();
  }
  const rows = [];
  if (thread.older > 0) rows.push(["older", thread.older, olderNode]);
  let lastDay = "";
  for (const message of [...thread.messages.values()].sort((a, b) => a.messageId - b.messageId)) {
    state.names.set(message.senderId, message.sender?.fullName ?? nameOf(message.senderId));
    const today = day.format(new Date(message.createdAt));
    if (today !== lastDay) rows.push([`day ${today}`, today, (text) => el("li", { class: "day", text })]);
    lastDay = today;
    rows.push([String(message.messageId), { message, mine: message.senderId === me(), editing: state.editing === message.messageId, sought: thread.sought === message.messageId }, messageNode]);
  }
  for (const { id, text, picture } of state.pending.filter((item) => item.session === state.session && item.partner === thread.partner)) {
    rows.push([`pending ${id}`, { text, preview: picture?.preview }, pendingNode]);
  }
  if (!rows.length) rows.push(["blank", thread.loaded ? "No messages yet." : "Loading…", blankNode]);
  drawThreadRows(rows);
  threadScroll.pin();
  look();
}

function messageNode({ message, mine, editing, sought }) {
  const sent = new Date(message.createdAt), read = message.isReadByRecipient;
  const receipt = !read ? `Sent ${stamp.format(sent)}` : message.recipientReadAt ? `Read ${stamp.format(new Date(message.recipientReadAt))}` : "Read";
  const fresh = !mine && !read;
  return el("li", { class: `message ${mine ? "mine" : "theirs"}${fresh ? " fresh" : ""}${editing || sought ? " marked" : ""}`, "data-message-id": message.messageId },
    el("div", { class: "bubble" },
      el("span", { class: "aside", text: mine ? "You: " : `${nameOf(message.senderId)}: ` }),
      message.post && el("p", { class: "post", text: message.post.title }),
      message.attachmentUrl && attachmentNode(message),
      el("p", { class: "text body", dir: "auto", text: message.messageContent }),
      el("p", { class: "meta" },
        message.isEdited && el("span", { class: "edited", title: message.editedAt && `Edited ${stamp.format(new Date(message.editedAt))}`, text: "edited" }),
        el("time", { datetime: message.createdAt, title: stamp.format(sent), text: clock.format(sent) }),
        mine && el("span", { class: "receipt", "data-read": String(read), role: "img", "aria-label": receipt, title: receipt, text: read ? "✓✓" : "✓" }))),
    el("div", { class: "actions" }, // whether it is too late to edit is for the server to say
      mine && message.messageType !== "system" && el("button", { type: "button", class: "edit", text: "Edit" }),
      el("button", { type: "button", class: "delete", text: "Delete" }),
      fresh && el("button", { type: "button", class: "markread", text: "Mark read" })));
}

function attachmentNode({ attachmentUrl, messageType, senderId }) {
  if (!/^https?:\/\//i.test(attachmentUrl)) return null; // never a link that runs something
  const link = el("a", { class: "body", href: attachmentUrl, target: "_blank", rel: "noopener noreferrer" });
  if (messageType !== "image") link.append(attachmentUrl);
  else {
    const picture = el("img", { src: attachmentUrl, alt: `Picture from ${nameOf(senderId)}`, loading: "lazy" });
    picture.addEventListener("error", () => { link.replaceChildren(`This picture cannot be shown: ${attachmentUrl}`); });
    link.append(picture);
  }
  return link;
}

const blankNode = (text) => el("li", { class: "blank", text });

const pendingNode = ({ text, preview }) => el("li", { class: "message pending" }, el("div", { class: "bubble" },
  preview && el("img", { src: preview, alt: "" }), el("p", { class: "body", dir: "auto", text }), el("p", { class: "meta", text: "sending…" })));

const olderNode = (count) => el("li", { class: "older" }, el("button", { type: "button", class: "more", id: "older", text: `Load older (${count})` }));

const welcomeNode = (loggedIn) => el("li", { class: "blank" },
  loggedIn ? "Open a conversation, or start one with another demo user. " : "Log in as a demo user to begin. ",
  el("a", { href: location.pathname, target: "_blank", rel: "noopener", text: "Open a second window" }), " to be somebody else there and see both sides.");

let typingTimer = 0;
function showTyping(userId) {
  clearTimeout(typingTimer);
  $("typing").textContent = userId ? `${firstName(userId)} is typing…` : "";
  if (userId) typingTimer = setTimeout(showTyping, TYPING_SHOWN, 0);
}
