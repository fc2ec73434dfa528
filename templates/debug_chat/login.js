function login(userId) {
  hangUp();
  link.tries = 0;
  link.refusal = "";
  state.session = userId ? newSession(userId) : null;
  state.conversations = [];
  $("query").value = "";
  drawReached();
  setState("closed", "Not connected");
  openThread(0);
  fillSelects();
  if (state.session) { dial(); refreshList(); }
}

function readHash() {
  const hash = new URLSearchParams(location.hash.slice(1));
  $("autoread").checked = hash.get("autoread") !== "off";
  const user = positiveInt(hash.get("user")), partner = positiveInt(hash.get("partner"));
  if (user !== (me() ?? 0)) login(user);
  if (partner !== (state.thread?.partner ?? 0)) openThread(partner);
}

function writeHash() {
  const hash = new URLSearchParams();
  if (state.session) hash.set("user", me());
  if (state.thread) hash.set("partner", state.thread.partner);
  if (!$("autoread").checked) hash.set("autoread", "off");
  history.replaceState(null, "", `#${hash}`);
}

async function loadUsers() {
  await attempt(async () => {
    state.users = (await request("GET", "/debug/users", { poll: true })).data;
    for (const { userId, fullName } of state.users) state.names.set(userId, fullName);
    showError("");
    fillSelects();
    drawConversations();
    drawThread();
  });
}

function fillSelects() {
  const ids = state.users.map((user) => user.userId);
  if (state.session && !ids.includes(me())) ids.unshift(me()); // the hash may name one beyond the first fifty
  const option = (userId) => el("option", { value: userId, text: nameOf(userId) });
  $("user").replaceChildren(el("option", { value: "", text: "Choose a user…" }), ...ids.map(option));
  $("user").value = me() ?? "";
  $("newchat").replaceChildren(el("option", { value: "", text: "Choose a user…" }), ...ids.filter((id) => id !== me()).map(option));
  $("newchat").value = state.thread && ids.includes(state.thread.partner) ? state.thread.partner : "";
  $("newchat").disabled = !state.session;
  fillFaultUsers();
}

// On a phone one pane is shown at a time; on wider screens this changes nothing.
function showPane(name) {
  document.body.dataset.pane = name;
  for (const tab of document.querySelectorAll(".tabs button")) tab.setAttribute("aria-pressed", String(tab.dataset.pane === name));
}
