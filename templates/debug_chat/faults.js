// Faults made on purpose, in the server, on all sockets of a user (docs/faults.md): every client of his feels them.
const everyNth = [[0, "none"], [1, "all"], [2, "every 2nd"], [3, "every 3rd"], [5, "every 5th"], [10, "every 10th"]];
const DISTURBANCES = {
  dropEvery: everyNth,
  duplicateEvery: everyNth,
  reorderEvery: everyNth,
  delayMs: [[0, "none"], [100, "100 ms"], [500, "500 ms"], [2_000, "2 s"], [10_000, "10 s"]],
};
const FAULT_SECONDS = [[30, "30 s"], [60, "1 min"], [300, "5 min"], [3_600, "1 h"]];
const CLOSES = [[1001, "Server is restarting"], [1008, "Token expired"], [1008, "Too many connections"], [1011, "Authentication failed"], [4008, "Reads too slowly"], [4009, "No answer to ping"], [4010, "Nothing received for too long"]];
const FAULT_POLL = 1_000; // ms

const faults = new Map(); // user id -> what the server said of him last, while something of his is disturbed
let faultTimer = 0;

const faultUser = () => Number($("faultuser").value);
const fillOptions = (select, options) => select.replaceChildren(...options.map(([value, text]) => el("option", { value, text })));

// Somebody may have asked for a value that is not offered here.
function choose(select, value) {
  if (![...select.options].some((option) => option.value === String(value))) select.append(el("option", { value, text: String(value) }));
  if (select.value !== String(value)) select.value = value; // else a list that is open would lose its place
}

// Who may be disturbed from here: oneself and the partner, whose windows are side by side.
function fillFaultUsers() {
  const ids = [me(), state.thread?.partner].filter(Boolean), before = faultUser();
  fillOptions($("faultuser"), ids.map((id) => [id, id === me() ? `${nameOf(id)} (you)` : nameOf(id)]));
  $("faultuser").value = ids.includes(before) ? before : me() ?? "";
  $("showfaults").disabled = !state.session;
  if (!state.session) togglePanel($("showfaults"), false);
  if (faultUser() !== before) lookAtFaults();
}

async function lookAtFaults(userId = faultUser()) {
  if (userId) await attempt(async () => { takeFaults((await request("GET", `/debug/faults?userId=${userId}`, { quiet: true })).data); }, { poll: true });
}

function takeFaults(told) {
  if (told.secondsLeft) faults.set(told.userId, told);
  else faults.delete(told.userId);
  drawFaults(told);
  clearTimeout(faultTimer);
  if (faults.size) faultTimer = setTimeout(() => { for (const userId of faults.keys()) lookAtFaults(userId); }, FAULT_POLL);
}

function drawFaults(told) {
  const longest = [...faults.values()].sort((a, b) => b.secondsLeft - a.secondsLeft);
  $("faultmark").hidden = !longest.length;
  $("faultmark").textContent = longest.map(({ userId, secondsLeft }) => `Faults: ${firstName(userId)}, ${secondsLeft} s`).join(" · ");
  $("calm").disabled = !faults.size;
  if (told.userId !== faultUser()) return;
  const isActive = told.secondsLeft > 0;
  for (const name of Object.keys(DISTURBANCES)) {
    choose($(name), told[name]);
    $(name).dataset.active = String(told[name] > 0);
  }
  $("faultstate").dataset.active = String(isActive);
  const some = (count, one) => `${count} ${one}${count === 1 ? "" : "s"}`;
  const counts = `${some(told.events, "event")}: ${told.dropped} dropped, ${told.duplicated} twice, ${told.reordered} overtaken, ${told.held} still to come`;
  $("faultstate").textContent = isActive ? `${counts}. Ends in ${told.secondsLeft} s.` : `Nothing is disturbed. ${some(told.sockets, "socket")} open.`;
}

function disturb() {
  const body = { userId: faultUser(), seconds: Number($("faultseconds").value) };
  for (const name of Object.keys(DISTURBANCES)) body[name] = Number($(name).value);
  return attempt(async () => { takeFaults((await request("PUT", "/debug/faults", { body })).data); });
}

const calm = (userId) => attempt(async () => { takeFaults((await request("DELETE", `/debug/faults?userId=${userId}`)).data); });

function strike(fault) {
  const userId = faultUser();
  const [code, reason] = CLOSES[Number($("closecode").value)];
  const [path, body] = {
    expire: ["expire-token", {}],
    fill: ["fill", {}],
    close: ["kill", { how: "close", code, reason }],
  }[fault] ?? ["kill", { how: fault }];
  return attempt(async () => {
    const { data } = await request("POST", `/debug/faults/${path}`, { body: { userId, ...body } });
    announce(`Done to ${data.sockets} sockets of ${nameOf(userId)}`);
  });
}

// One at a time, so that the log keeps its room.
function togglePanel(button, open) {
  for (const other of [$("showfaults"), $("showserver")]) {
    const isOpen = other === button && open;
    other.setAttribute("aria-expanded", String(isOpen));
    $(other.getAttribute("aria-controls")).hidden = !isOpen;
  }
  logScroll.pin();
  if (open) ({ faults: lookAtFaults, server: pollServer })[button.getAttribute("aria-controls")]();
}

for (const [name, options] of Object.entries(DISTURBANCES)) fillOptions($(name), options);
fillOptions($("faultseconds"), FAULT_SECONDS);
fillOptions($("closecode"), CLOSES.map(([code, reason], index) => [index, `${code} ${reason}`]));
$("faultseconds").value = 60;
