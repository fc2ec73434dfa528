// Catching up, by the rules of docs/sync.md.

// A session keeps `reached`, the number up to which it took its user's events. A `message_read` may be one of several
// that repeat the number of the `conversation_read` behind them: `half` is such a number, reached once another follows.
const syncKey = (userId) => `reached:${userId}`;

function newSession(userId) {
  const kept = sessionStorage.getItem(syncKey(userId)); // by this window, before it was reloaded
  return {
    userId, token: "", expiresAt: 0, minting: null,
    reached: kept === null ? undefined : Number(kept), half: 0, target: 0, behind: false, filling: false,
  };
}

function reach(number) {
  const { session } = state;
  session.reached = number;
  session.half = 0;
  if (number !== undefined) sessionStorage.setItem(syncKey(session.userId), number);
  drawReached();
}

function drawReached() {
  const { session } = state;
  const known = session?.reached !== undefined;
  $("reached").textContent = !known ? "" : session.behind ? `catching up from ${session.reached}…` : `event ${session.reached}`;
}

// What the number of a pushed event says: the "next" one, one that is here "already", or one behind a "gap".
function judge({ type, seq }) {
  const { session } = state;
  if (session.half && seq !== session.half) reach(session.half);
  if (seq === undefined || session.reached === undefined) return "next";
  if (seq <= session.reached) return "already";
  if (seq > session.reached + 1) return "gap";
  if (type === "message_read") session.half = seq;
  else reach(seq);
  return "next";
}

// Fetches what is behind the number reached, until it is `latest`. What is pushed meanwhile is judged as ever: it is
// taken, dropped, or raises the number to be reached.
async function fillGap(latest) {
  const { session } = state;
  session.target = latest;
  session.behind = true;
  if (session.filling) return;
  session.filling = true;
  drawReached();
  const first = session.reached + 1;
  let taken = 0, answer;
  await attempt(async () => {
    do {
      answer = (await api("GET", `/messages/sync?since=${session.reached}&limit=100`)).data;
      if (!answer.complete) {
        log("sync", "gap", `after ${session.reached}: not in the server's log any more, so all is fetched afresh`);
        return startAfresh(answer.latest);
      }
      for (const event of answer.events) {
        const fate = judge(event);
        log("sync", event.type, `${fate === "already" ? "dropped, was pushed meanwhile: " : ""}${JSON.stringify(event)}`, { detail: event });
        if (fate !== "next") continue;
        reach(event.seq); // also a lone message_read: the log holds no repetitions
        apply(event);
        taken += 1;
      }
    } while (answer.events.length && (answer.more || session.reached < session.target));
    session.behind = false;
    const found = `${taken} event${taken === 1 ? "" : "s"} fetched`;
    log("sync", "gap", `${first === session.reached ? "" : `${first}…`}${session.reached}: ${found}`);
    announce(`Caught up: ${found}`);
    refreshList();
  });
  session.filling = false;
  drawReached();
  if (session.behind) setTimeout(() => { if (session === state.session && isOnline()) fillGap(session.target); }, POLL);
}

// Where the log does not help: everything is fetched anew, and events count from `latest` on.
function startAfresh(latest) {
  state.gone.clear();
  state.session.behind = false;
  reach(latest);
  refreshList();
  reloadThread();
}

function catchUp(latest) {
  if (latest === undefined || state.session.reached === undefined) startAfresh(latest);
  else if (latest !== state.session.reached) fillGap(latest); // less: the server's database is another one
}
