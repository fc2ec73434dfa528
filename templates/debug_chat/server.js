// What the server is doing, while its panel is open; its polls are no part of what a client does, and not logged.
const FIGURE_POLL = 1_000; // ms
const SAMPLES = 60; // a minute of them in each line

const megabytes = (bytes) => bytes && bytes / 2 ** 20;
const perSecond = (name) => (now, before) => before && (1000 * (now[name] - before[name])) / (now.at - before.at);
const whole = (value) => Math.round(value).toLocaleString();
const short = (value) => value.toLocaleString(undefined, { maximumFractionDigits: value < 10 ? 1 : 0 });

// [name, the value that is drawn, how it is written]; a figure that this server does not tell is left out.
const FIGURES = [
  ["Sockets", (now) => now.activeConnections, whole],
  ["Users online", (now) => now.onlineUsers, whole],
  ["Events out", perSecond("messagesSent"), (value) => `${short(value)} /s`],
  ["Frames in", perSecond("messagesReceived"), (value) => `${short(value)} /s`],
  ["Delivery, p95", (now) => now.deliveryLatency?.p95Ms, (value, { deliveryLatency: { p50Ms, p99Ms } }) => [`${short(value)} ms`, `p50 ${short(p50Ms)}, p99 ${short(p99Ms)}`]],
  ["Loop's lag", (now) => now.loop.lagMs, (value, { loop }) => [`${short(value)} ms`, `at most ${short(loop.longestLagMs)}`]],
  ["Database queue", ({ queues }) => queues.writes + queues.reads + queues.slowReads, whole],
  ["Memory", (now) => megabytes(now.memory?.residentBytes), (value) => `${whole(value)} MB`],
  ["Open files", (now) => now.openFiles, whole],
  ["Handshakes refused", (now) => now.connectionErrors, whole],
];

const samples = FIGURES.map(() => []);
const lacking = new Set(); // what this server does not have is not asked for again
let statsBefore = null, serverTimer = 0;

async function peek(path) {
  if (lacking.has(path)) return null;
  try {
    const response = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(5_000) });
    if (response.status === 404) lacking.add(path);
    return response.ok || response.status === 503 ? await response.json() : null;
  } catch {
    return null;
  }
}

async function pollServer() {
  clearTimeout(serverTimer);
  if ($("server").hidden) return;
  if (!document.hidden) {
    const [stats, ready, alerts] = await Promise.all(["/health/websocket-stats", "/health/ready", "/health/alerts"].map(peek));
    if (stats) stats.at = performance.now();
    drawHealth(stats, ready, alerts);
    drawFigures(stats);
    statsBefore = stats;
  }
  clearTimeout(serverTimer);
  serverTimer = setTimeout(pollServer, FIGURE_POLL);
}

function drawHealth(stats, ready, alerts) {
  const degraded = ready?.degraded.length ? `: ${ready.degraded.join(", ")}` : "";
  const status = !stats ? ["bad", "no answer"] : [ready?.status === "ok" ? "good" : "bad", `${ready?.status ?? "?"}${degraded}`];
  const told = (alerts?.alerts ?? []).map(({ name, state: now }) => [now === "firing" ? "bad" : "good", name.replaceAll("_", " ")]);
  $("health").replaceChildren(...[status, ...told].map(([tone, text]) => el("span", { class: "pill", "data-tone": tone, text })));
}

function drawFigures(stats) {
  const rows = FIGURES.map(([name, valueOf, write], index) => {
    const value = stats ? valueOf(stats, statsBefore) : undefined, line = samples[index];
    if (Number.isFinite(value)) line.push(value);
    if (line.length > SAMPLES) line.shift();
    if (!line.length) return null;
    const [text, aside] = Number.isFinite(value) ? [write(value, stats)].flat() : ["–"];
    return el("div", { class: "figure" }, el("dt", { text: name }), el("dd", {}, el("span", { text }), aside && el("small", { text: aside })), sparkline(line));
  });
  $("figures").replaceChildren(...rows.filter(Boolean));
}

// The newest at the right, from zero up to the highest.
function sparkline(values) {
  const most = Math.max(...values, 1e-9), draw = (tag, attributes) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  };
  const points = values.map((value, index) => `${SAMPLES - values.length + index},${(19 - (18 * value) / most).toFixed(1)}`);
  const svg = draw("svg", { viewBox: `0 0 ${SAMPLES - 1} 20`, preserveAspectRatio: "none", "aria-hidden": "true" });
  svg.append(draw("polyline", { points: (points.length === 1 ? [...points, ...points] : points).join(" ") }));
  return svg;
}
