const logScroll = sticky($("log"));
const ARROWS = { in: "↓", out: "↑", rest: "⇄", sync: "↺" };

// `text` stands on the entry's line; `detail` is shown, indented, once the entry is opened.
function log(direction, type, text, { detail, failed = false, poll = false } = {}) {
  const list = $("log"), kind = `${type} ${failed}`;
  let same = poll ? list.lastElementChild : null;
  while (same && same.dataset.poll !== kind) same = same.dataset.poll ? same.previousElementSibling : null;
  if (same) { // quiet polling stays one line for each call
    same.dataset.count = Number(same.dataset.count ?? 1) + 1;
    same.querySelector("time").textContent = precise.format();
    same.querySelector(".raw").textContent = `${text.slice(0, LINE)} ×${same.dataset.count}`;
    return;
  }
  const details = el("details", {}, el("summary", {},
    el("time", { text: precise.format() }), el("span", { class: "arrow", title: direction, text: ARROWS[direction] }),
    el("span", { class: "type", text: direction === "rest" ? type.split(" ")[0] : type }),
    el("span", { class: "raw", text: text.slice(0, LINE) })));
  details.addEventListener("toggle", () => {
    if (details.children.length === 1) details.append(el("pre", { text: detail === undefined ? text : JSON.stringify(detail, null, 2) }));
    if (details.open) details.scrollIntoView({ block: "nearest" });
  });
  list.append(el("li", { class: "entry", "data-direction": direction, "data-type": type, "data-failed": String(failed), "data-poll": poll && kind }, details));
  if (list.children.length > LOG_ENTRIES) list.firstElementChild.remove();
  logScroll.pin();
}
