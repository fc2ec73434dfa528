// `turn` counts dials and hang-ups: whatever belongs to an earlier turn has nothing to say any more. `refusal` says why
// the last socket was refused, until one opens: the same refusal again is a status before the upgrade, which browsers hide.
// `comeBack` is the time a server that stops gave this socket to come back in, in ms.
const link = { socket: null, turn: 0, tries: 0, timer: 0, unanswered: false, refusal: "", comeBack: 0 };

const FATES = { next: "", late: "", already: "dropped, is here already: ", gap: "waits, something is missing before it: " };

const isOnline = () => $("state").dataset.state === "online";

function setState(name, text, title = "") {
  const node = $("state"), changed = node.dataset.state !== name;
  node.dataset.state = name;
  node.textContent = text;
  node.title = title;
  if (!changed) return; // the countdown would be read aloud every second
  announce(`Connection: ${text}`);
  const focused = document.activeElement;
  $("connect").hidden = !state.session || name === "online" || name === "connecting";
  $("disconnect").hidden = !state.session || name === "closed" || name === "refused";
  $("connect").textContent = { waiting: "Connect now", refused: "Connect again" }[name] ?? "Go online";
  if (focused?.hidden) (focused.id === "connect" ? $("disconnect") : $("connect")).focus();
}

function hangUp() {
  link.turn += 1;
  clearInterval(link.timer);
  link.socket?.close(1000, "left");
  link.socket = null;
  if (state.session) state.session.half = 0; // its other half may be lost
}

async function dial() {
  hangUp();
  const { turn } = link;
  link.tries += 1;
  setState("connecting", "Connecting…");
  let bearer;
  try {
    bearer = await token(state.session, true); // the last one may have been refused, or be about to expire
  } catch (error) {
    if (turn !== link.turn) return;
    if (error.status >= 400 && error.status < 500 && error.status !== 429) setState("refused", `Refused: ${error.message}`);
    else waitAndDial(error.message);
    return;
  }
  if (turn !== link.turn) return;
  // Among the subprotocols a token stands in no address, and so in nobody's log of addresses.
  const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/messages`, ["regoods", `bearer.${bearer}`]);
  link.socket = socket;
  socket.onopen = () => { link.refusal = ""; };
  socket.onmessage = ({ data }) => {
    let frame = null;
    try { frame = JSON.parse(data); } catch { /* logged as it came */ }
    const fate = frame && turn === link.turn ? judge(frame) : "late";
    log("in", frame?.type ?? "?", FATES[fate] + data, { detail: frame ?? undefined, failed: frame?.type === "error" });
    if (fate !== "late") { link.unanswered = false; hear(frame, fate); }
  };
  socket.onclose = ({ code, reason }) => {
    log("in", "close", JSON.stringify({ code, reason }), { failed: code !== 1000 });
    if (turn === link.turn) lost(code, reason);
  };
}

function lost(code, reason) {
  hangUp();
  // 1008 says "not like this": the same again would be refused again, so the decision is the user's. But each dial has a
  // new token, so one that expired is no obstacle.
  if (code === 1008 && reason !== "Token expired") link.refusal = reason === "Too many connections" ? `${reason}: close another tab` : `Refused: ${code} ${reason}`;
  if (link.refusal) setState("refused", link.refusal);
  else waitAndDial(`closed with ${code} ${reason}`.trim());
}

// Doubling waits with jitter, so the clients of a restarted server do not all come back in the same second.
function waitAndDial(why) {
  const wait = link.comeBack || Math.min(LONGEST_WAIT, 1000 * 2 ** link.tries) * (0.5 + Math.random() / 2);
  link.comeBack = 0;
  const due = Date.now() + wait;
  const tick = () => {
    const left = due - Date.now();
    if (left <= 0) dial();
    else setState("waiting", `Waiting ${Math.ceil(left / 1000)} s for try ${link.tries + 1}`, why);
  };
  tick();
  link.timer = setInterval(tick, 250);
}

// Only now is the connection good: a server that refuses may do so after the socket opened, and a counter of tries
// reset in `onopen` would then never grow.
function online({ latest }) {
  link.tries = 0;
  setState("online", "Online");
  showError($("error").firstElementChild.textContent.replace(NO_ANSWER, "").trim(), state.blockTold);
  clearInterval(link.timer);
  link.timer = setInterval(() => {
    // A cable pulled out closes nothing; silence since the last ping does tell. (No clock is asked: browsers slow down
    // the timers of hidden tabs.)
    if (link.unanswered) return lost(1006, "no answer to the ping");
    link.unanswered = true;
    transmit({ type: "ping" });
  }, PING);
  refreshList();
  catchUp(latest);
}

function transmit(frame) {
  if (link.socket?.readyState !== WebSocket.OPEN) return;
  link.socket.send(JSON.stringify(frame));
  const shown = frame.token ? { ...frame, token: "…" } : frame;
  log("out", frame.type, JSON.stringify(shown), { detail: shown });
}

// The server warns a minute before the token ends: a newer one goes over the same socket.
async function renew() {
  const { session } = state, { turn } = link;
  await attempt(async () => {
    const bearer = await token(session, true);
    if (turn === link.turn) transmit({ type: "auth", token: bearer });
  }, { poll: true });
}

function hear(frame, fate) {
  const { thread } = state;
  if (fate === "gap") fillGap(frame.seq);
  if (fate !== "next") return;
  switch (frame.type) {
    case "connected": return online(frame);
    case "going_away": link.comeBack = frame.retryAfterMs; return;
    case "token_expiring": return renew();
    case "resync": return frame.latest > state.session.reached ? fillGap(frame.latest) : undefined;
    case "presence": return showPresence(frame);
    case "typing": return frame.userId === thread?.partner ? showTyping(frame.userId) : undefined;
    case "error": return showError(`${frame.code}: ${frame.message}`);
    case "message":
      announce(`${nameOf(frame.message.senderId)}: ${frame.message.messageContent}`);
      if (frame.message.senderId === thread?.partner) showTyping(0);
      noBlockWith(frame.message.senderId);
      // falls through
    case "message_sent": case "message_edited": case "message_deleted": case "message_read": case "conversation_read":
    case "conversation_cleared":
      apply(frame);
      refreshList();
  } // pong and types unknown here stand in the log; that is enough
}
