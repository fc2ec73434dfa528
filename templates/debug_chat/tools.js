const $ = (id) => document.getElementById(id);

// Everything people wrote passes through here, as text and never as markup.
function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") node.textContent = value;
    else if (value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter(Boolean));
  return node;
}

// Returns a function that draws [key, data, build] rows into parent. A node whose data did not change is kept, so
// that focus, selection and scrolling survive the list being refetched every few seconds.
function keyedList(parent) {
  let known = new Map();
  return (rows) => {
    const active = parent.contains(document.activeElement) ? document.activeElement : null;
    const activeKey = active?.closest("[data-key]")?.dataset.key;
    const next = new Map();
    for (const [key, data, build] of rows) {
      const signature = JSON.stringify(data);
      const old = known.get(key);
      const node = old?.signature === signature ? old.node : build(data);
      node.dataset.key = key;
      next.set(key, { signature, node });
    }
    known = next;
    const wanted = [...next.values()].map((row) => row.node);
    const keep = new Set(wanted);
    for (const child of [...parent.children]) if (!keep.has(child)) child.remove();
    wanted.forEach((node, i) => {
      if (parent.children[i] !== node) parent.insertBefore(node, parent.children[i] ?? null);
    });
    if (active && document.activeElement !== active) {
      const twin = next.get(activeKey)?.node.querySelector(`.${active.classList[0]}`);
      (active.isConnected ? active : twin ?? $("compose")).focus({ preventScroll: true });
    }
  };
}

// Keeps a scrolling element at its bottom for as long as the reader is there; `moved` hears of leaving, coming back and
// resizing.
function sticky(node, moved = () => {}) {
  let stuck = true, before = 0, size = "";
  const pin = () => { if (stuck) node.scrollTop = node.scrollHeight; };
  node.addEventListener("scroll", () => {
    const was = stuck, now = `${node.scrollHeight} ${node.clientHeight}`;
    if (node.scrollHeight - node.scrollTop - node.clientHeight < 40) stuck = true;
    else if (node.scrollTop < before && now === size) stuck = false; // the reader left; a change of sizes moves things, too
    before = node.scrollTop;
    size = now;
    if (stuck !== was) moved();
  });
  new ResizeObserver(() => { pin(); moved(); }).observe(node);
  return { pin, toBottom: () => { stuck = true; pin(); }, atBottom: () => stuck };
}

// Runs `work` soon and never twice at once; calls that come meanwhile cause one more run together.
function coalesced(work, delay) {
  let timer = 0, running = false, again = false;
  const call = () => { timer ||= setTimeout(run, delay); };
  async function run() {
    timer = 0;
    if (running) { again = true; return; }
    running = true;
    try {
      await work();
    } finally {
      running = false;
      if (again) { again = false; call(); }
    }
  }
  return call;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short" });
const shortDay = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const stamp = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });
const precise = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23" });
const sameDay = (a, b) => a.toDateString() === b.toDateString();

const nameOf = (userId) => state.names.get(userId) ?? `User ${userId}`;
const firstName = (userId) => nameOf(userId).split(" ")[0];
const me = () => state.session?.userId;
const partnerOf = (message) => (message.senderId === me() ? message.recipientId : message.senderId);
const positiveInt = (text) => (/^[1-9]\d{0,9}$/.test(text ?? "") ? Number(text) : 0);

function announce(text) { $("announce").textContent = text; }

// `blockWith`: the partner whom one cannot write to, where that is what the text says.
function showError(text, blockWith = 0) {
  state.blockTold = blockWith;
  $("error").hidden = !text;
  $("error").firstElementChild.textContent = text;
}
