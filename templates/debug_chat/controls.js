let lastTyped = 0, withPointer = false;

$("user").addEventListener("change", () => { login(Number($("user").value)); });
$("connect").addEventListener("click", () => { link.tries = 0; dial(); });
$("disconnect").addEventListener("click", () => { hangUp(); setState("closed", "Offline"); });
$("dismiss").addEventListener("click", () => { showError(""); });
$("clear").addEventListener("click", () => { $("log").replaceChildren(); });
$("markread").addEventListener("click", markConversationRead);
$("clearthread").addEventListener("click", clearConversation);
$("block").addEventListener("click", toggleBlock);
$("jump").addEventListener("click", () => { threadScroll.toBottom(); $("thread").focus({ preventScroll: true }); look(); });
$("cancel").addEventListener("click", () => { leaveEdit(); $("compose").focus(); });
$("autoread").addEventListener("change", () => { writeHash(); autoRead(); });

for (const button of [$("showfaults"), $("showserver")]) button.addEventListener("click", () => { togglePanel(button, button.getAttribute("aria-expanded") !== "true"); });
$("faultmark").addEventListener("click", () => {
  const [userId] = faults.keys();
  if ([...$("faultuser").options].some(({ value }) => Number(value) === userId)) $("faultuser").value = userId;
  showPane("frames");
  togglePanel($("showfaults"), true);
  $("calm").focus();
});
$("faults").addEventListener("submit", (event) => { event.preventDefault(); });
$("faultuser").addEventListener("change", () => { lookAtFaults(); });
for (const name of Object.keys(DISTURBANCES)) $(name).addEventListener("change", disturb);
$("faultseconds").addEventListener("change", () => { if (faults.has(faultUser())) disturb(); });
$("calm").addEventListener("click", () => { for (const userId of faults.keys()) calm(userId); });
$("faults").addEventListener("click", ({ target }) => { if (target.dataset.fault) strike(target.dataset.fault); });

document.querySelector(".tabs").addEventListener("click", (event) => { if (event.target.dataset.pane) showPane(event.target.dataset.pane); });

// Arrow keys on a closed select change it at each step: whoever walks through it with them keeps the focus there.
$("newchat").addEventListener("pointerdown", () => { withPointer = true; });
$("newchat").addEventListener("keydown", () => { withPointer = false; });
$("newchat").addEventListener("change", () => { if ($("newchat").value) openThread(Number($("newchat").value), { focus: withPointer }); });

for (const list of [$("conversations"), $("hits")]) {
  list.addEventListener("click", ({ target }) => {
    const { userId, hit } = target.closest(".conversation")?.dataset ?? {};
    if (target.closest(".more")) fetchHits(true);
    else if (hit) openHit(Number(userId), Number(hit));
    else if (userId) openThread(Number(userId), { focus: true });
  });
  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const buttons = [...list.querySelectorAll(".conversation")];
    buttons[buttons.indexOf(document.activeElement) + step]?.focus();
    event.preventDefault();
  });
}

$("search").addEventListener("submit", (event) => { event.preventDefault(); });
$("search").addEventListener("input", find);

$("pick").addEventListener("click", () => { $("file").click(); });
$("file").addEventListener("change", () => { pick($("file").files[0]); $("file").value = ""; });
$("unpick").addEventListener("click", () => { URL.revokeObjectURL(draft().picture.preview); setDraft({ picture: null }); showError(""); drawComposer(); $("compose").focus(); });
$("compose").addEventListener("paste", (event) => {
  if (!event.clipboardData.files.length) return;
  event.preventDefault();
  pick(event.clipboardData.files[0]);
});
// Anywhere: a file that is dropped where nobody takes it is opened by the browser, in this page's place.
for (const kind of ["dragover", "drop"]) addEventListener(kind, (event) => {
  if (!event.dataTransfer.types.includes("Files")) return;
  event.preventDefault();
  if (kind === "drop") pick(event.dataTransfer.files[0]);
});

$("thread").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  showError("");
  const messageId = Number(button.closest("[data-message-id]")?.dataset.messageId);
  ({ edit: startEdit, delete: deleteMessage, markread: markMessageRead, more: loadOlder })[button.className](messageId, button);
});

$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("compose").value;
  if ((!text.trim() && (state.editing || !draft().picture)) || $("send").disabled) return;
  showError("");
  if (state.editing) saveEdit(text);
  else send(text);
});
$("compose").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return; // an input method's Enter only ends a word
  event.preventDefault();
  $("composer").requestSubmit();
});
$("compose").addEventListener("input", () => {
  const text = $("compose").value, { thread } = state;
  if (!state.editing) setDraft({ text });
  if (state.editing || !text.trim() || Date.now() - lastTyped < TYPING_EVERY) return;
  lastTyped = Date.now();
  transmit({ type: "typing", conversationId: thread.partner });
});

addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.isComposing) return;
  if (state.editing) leaveEdit();
  else showError("");
});
addEventListener("hashchange", readHash);
addEventListener("online", () => { if ($("state").dataset.state === "waiting") dial(); });
document.addEventListener("visibilitychange", look);

setInterval(() => {
  if (!state.users.length) loadUsers();
  lookAtFaults(me()); // another window, or a script, may have asked for them
  if ($("state").dataset.state === "closed") return; // by hand, to see the gap being filled later
  refreshList();
  if (!isOnline() || !state.thread?.loaded) reloadThread({ poll: true }); // no events come, or nothing did yet
  if (state.thread?.blocked) loadBlock();
}, POLL);
loadUsers();
readHash();
drawThread();
drawConversations();
