const HITS = 20; // asked for at once
const SEEK_PAGES = 20; // fetched at most to reach a hit in its conversation
const drawHitRows = keyedList($("hits"));
let found = { query: "", partner: 0, hits: new Map(), total: undefined };

const find = coalesced(() => fetchHits(false), 250);

async function fetchHits(more) {
  if (!more) found = { query: $("query").value.trim(), partner: $("within").checked ? state.thread?.partner : 0, hits: new Map(), total: undefined };
  const { query, partner, hits } = found, mine = found;
  if (query && state.session) {
    await attempt(async () => {
      const parameters = new URLSearchParams({ query, limit: HITS, offset: hits.size });
      if (partner) parameters.set("userId", partner);
      const { data, pagination } = await api("GET", `/messages/search?${parameters}`);
      for (const message of data) hits.set(message.messageId, message);
      mine.total = data.length ? pagination.total : hits.size;
      announce(`${mine.total} found`);
    });
  }
  if (mine === found) drawHits();
}

function drawHits() {
  const isSearching = Boolean($("query").value.trim() && state.session);
  $("hits").hidden = !isSearching;
  $("conversations").hidden = isSearching;
  const { thread } = state, { query, hits, total } = found;
  $("query").disabled = !state.session;
  $("within").parentElement.hidden = !isSearching || !thread;
  $("withwhom").textContent = thread ? `With ${firstName(thread.partner)} only` : "";
  const rows = total === undefined ? [] : [["count", `${total.toLocaleString()} found`, (text) => el("li", { class: "older", text })]];
  for (const message of hits.values()) {
    rows.push([String(message.messageId), { message, query, sought: message.messageId === thread?.sought }, hitNode]);
  }
  if (hits.size < total) rows.push(["more", total - hits.size, (count) => el("li", { class: "older" }, el("button", { type: "button", class: "more", text: `More (${count.toLocaleString()})` }))]);
  drawHitRows(isSearching ? rows : []);
}

function hitNode({ message, query, sought }) {
  const { messageContent } = message, partner = partnerOf(message);
  const { fullName } = message.senderId === partner ? message.sender : message.recipient;
  const start = messageContent.toLowerCase().indexOf(query.toLowerCase()), end = start + query.length;
  const text = el("span", { class: "last", dir: "auto" }, message.senderId !== partner && "You: ");
  if (start < 0) text.append(messageContent); // the server's rules of equal letters are wider
  else text.append(start > 20 ? `…${messageContent.slice(start - 15, start)}` : messageContent.slice(0, start), el("mark", { text: messageContent.slice(start, end) }), messageContent.slice(end, end + 100));
  return entryNode({ userId: partner, fullName, at: message.createdAt, text, attributes: { "data-hit": message.messageId, "aria-current": sought && "true" } });
}

// Opens the conversation and brings the message on the screen, with what stands between it and the newest.
async function openHit(partner, messageId) {
  if (partner !== state.thread?.partner) await openThread(partner);
  else showPane("chat");
  const { thread } = state;
  for (let page = 0; page < SEEK_PAGES && !thread.messages.has(messageId) && thread.older > 0; page += 1) {
    if (!(await loadOlder()) || thread !== state.thread) return;
  }
  if (thread !== state.thread || !thread.loaded) return;
  if (!thread.messages.has(messageId)) return showError("This message is too far back, or was deleted.");
  thread.sought = messageId;
  drawThread();
  drawHits();
  $("thread").querySelector(`[data-message-id="${messageId}"]`).scrollIntoView({ block: "center" });
}
