const NOTHING = { text: "", picture: null };
const draftKey = (session, partner) => `${session.userId}:${partner}`;
const draft = () => (state.thread && state.drafts.get(draftKey(state.session, state.thread.partner))) || NOTHING;

function setDraft(changes) {
  state.drafts.set(draftKey(state.session, state.thread.partner), { ...draft(), ...changes });
}

// Puts what did not get through back before whatever was typed since.
function keepDraft(session, partner, text, picture = null, failed = null) {
  const key = draftKey(session, partner), since = state.drafts.get(key) ?? NOTHING;
  state.drafts.set(key, { text: [text, since.text].filter(Boolean).join("\n"), picture: since.picture ?? picture, failed });
  if (session === state.session && partner === state.thread?.partner && !state.editing) drawComposer({ fill: true });
}

// `fill`: also the text, which else is left to whoever is typing.
function drawComposer({ fill = false } = {}) {
  const { thread, editing } = state, { text, picture } = draft();
  const closed = !thread || (thread.blocked && !editing);
  for (const id of ["compose", "send"]) $(id).disabled = closed;
  $("pick").disabled = closed || Boolean(editing);
  $("editing").hidden = !editing;
  $("send").textContent = editing ? "Save" : "Send";
  $("picture").hidden = !picture || Boolean(editing);
  if (picture && $("preview").src !== picture.preview) $("preview").src = picture.preview;
  $("filename").textContent = picture ? `${picture.file.name}, ${Math.ceil(picture.file.size / 1024).toLocaleString()} KB` : "";
  if (fill) $("compose").value = editing ? thread.messages.get(editing).messageContent : text;
  drawBlock();
}

// What docs/attachments.md forbids, as far as a browser can tell; the rest the server tells at Send. "" for a good one.
async function faultOf(file) {
  if (!file.size) return "it is empty";
  if (file.size > LARGEST_PICTURE) return `it holds ${(file.size / 2 ** 20).toFixed(1)} MB, and 5 MB is the limit`;
  try {
    const head = String.fromCharCode(...new Uint8Array(await file.slice(0, 12).arrayBuffer()));
    if (!/^(\xff\xd8\xff|\x89PNG|GIF8|RIFF....WEBP)/s.test(head)) return "it must be a JPEG, PNG, GIF or WebP picture";
    (await createImageBitmap(file)).close();
    return "";
  } catch {
    return "it cannot be read, or is damaged";
  }
}

// The file is shown from here, at once: whoever presses Enter before it is judged means it as well.
async function pick(file) {
  if (!file || $("pick").disabled) return;
  const { session, thread: { partner } } = state, before = draft().picture;
  const picture = { file, preview: URL.createObjectURL(file), url: "" }, fault = faultOf(file);
  setDraft({ picture });
  drawComposer();
  showError("");
  $("compose").focus();
  const said = await fault, key = draftKey(session, partner), now = state.drafts.get(key);
  if (!said) return announce(`${file.name} is attached`);
  if (now?.picture !== picture) return; // removed, or on its way: the server will say the same
  state.drafts.set(key, { ...now, picture: before });
  URL.revokeObjectURL(picture.preview);
  if (session !== state.session) return;
  drawComposer();
  showError(`${file.name} is not attached: ${said}.`);
}

async function upload(picture, session) {
  const body = new FormData();
  body.append("file", picture.file);
  const { data } = await callAs(session, "POST", "/messages/attachments", { body });
  picture.url = data.url; // sending again does not upload again
}

const randomKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

// Its key makes it safe to ask again where no answer came: the server takes a message once.
async function post({ text, picture, partner, session, key }) {
  if (picture && !picture.url) await upload(picture, session);
  const body = { recipientId: partner, messageContent: text.trim() ? text : picture.file.name };
  if (picture) Object.assign(body, { messageType: "image", attachmentUrl: picture.url });
  for (let again = false; ; again = true) {
    try {
      return await callAs(session, "POST", "/messages", { body, key });
    } catch (error) {
      if (again || error.status === 429 || !isPassing(error)) throw error;
      await new Promise((resolve) => { setTimeout(resolve, AGAIN); });
    }
  }
}

let sending = Promise.resolve(); // one after the other, or two quick messages could change places
let sendings = 0;

function send(text) {
  const { session, thread: { partner } } = state, { picture, failed } = draft();
  const isSame = failed?.text === text && failed.picture === picture;
  const item = { id: ++sendings, session, partner, text, picture, key: isSame ? failed.key : randomKey() };
  state.pending.push(item);
  state.drafts.delete(draftKey(session, partner));
  drawComposer({ fill: true });
  threadScroll.toBottom();
  drawThread();
  sending = sending.then(() => attempt(async () => {
    try {
      const { data } = await post(item);
      if (picture) URL.revokeObjectURL(picture.preview);
      if (session !== state.session) return;
      apply({ type: "message_sent", message: data });
      refreshList();
    } catch (error) {
      // No longer pending: its event came, so it arrived although the answer did not.
      if (!state.pending.includes(item)) return;
      keepDraft(session, partner, text, picture, item);
      if (session !== state.session) return;
      const isOpen = partner === state.thread?.partner;
      error.message += !isOpen ? ` Not sent to ${nameOf(partner)}.` : isPassing(error) ? " Not sent: press Enter to try again." : " Not sent.";
      if (error.status === 403 && isOpen) loadBlock();
      throw error;
    } finally {
      state.pending = state.pending.filter((other) => other !== item);
      drawThread();
    }
  }, { partner }));
}

function startEdit(messageId) {
  state.editing = messageId;
  drawComposer({ fill: true });
  $("compose").focus();
  drawThread();
}

function leaveEdit() {
  state.editing = 0;
  drawComposer({ fill: true });
  drawThread();
}

// The text stays in the box, and the box in edit mode, until the server has agreed.
async function saveEdit(text) {
  const messageId = state.editing;
  $("send").disabled = $("compose").readOnly = true;
  const saved = await act("PUT", `/messages/${messageId}`, (message) => ({ type: "message_edited", message }), { messageContent: text });
  $("compose").readOnly = false;
  if (saved && state.editing === messageId) leaveEdit();
  else drawComposer();
}
