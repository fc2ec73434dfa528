class ApiError extends Error {
  constructor(status, message) { super(message); this.status = status; }
}
const NO_ANSWER = "The server did not answer.";
const isPassing = ({ status }) => status === 0 || status === 429 || status >= 500; // the same call may do better later
class Stale extends Error {} // the call went well, but another user is logged in by now

async function request(method, path, { body, bearer, key, poll = false, secret = false, quiet = false } = {}) {
  const headers = {}, form = body instanceof FormData;
  if (body && !form) headers["Content-Type"] = "application/json"; // a form's boundary is the browser's to say
  if (key) headers["Idempotency-Key"] = key;
  if (bearer) headers.Authorization = `Bearer ${bearer}`;
  let response, answer;
  try {
    response = await fetch(path, { method, headers, body: form ? body : body && JSON.stringify(body), cache: "no-store", signal: AbortSignal.timeout(form ? 120_000 : 15_000) });
    answer = await response.json();
  } catch { /* no answer, or one that is not JSON: judged below */ }
  const failed = !response?.ok || answer?.success !== true;
  const asked = form ? [...body.values()].map(({ name, type, size }) => ({ name, type, size })) : body;
  if (!quiet) log("rest", `${method} ${path.split("?")[0]}`, `${response?.status ?? "no answer"} ${path.replace(API, "")}`, { failed, poll, detail: secret ? { request: asked } : { request: asked, key, response: answer } });
  if (!response) throw new ApiError(0, NO_ANSWER);
  if (failed) throw new ApiError(response.status, answer?.message ?? `The server answered ${response.status}.`);
  return answer;
}

// A token of the session with a minute or more to live. Calls at the same time share one request.
async function token(session, renew = false) {
  if (!renew && session.expiresAt - Date.now() > 60_000) return session.token;
  session.minting ??= request("POST", "/debug/token", { body: { userId: session.userId }, secret: true })
    .then(({ data }) => { session.token = data.token; session.expiresAt = Date.parse(data.expiresAt); })
    .finally(() => { session.minting = null; });
  await session.minting;
  return session.token;
}

// One call as the session's user. A 401 is answered with a new token, once: nothing was done, so repeating is safe.
async function callAs(session, method, path, options) {
  for (let renewed = false; ; renewed = true) {
    const bearer = await token(session, renewed);
    try {
      return await request(method, API + path, { bearer, ...options });
    } catch (error) {
      if (error.status !== 401 || renewed) throw error;
    }
  }
}

async function api(method, path, options) {
  const { session } = state;
  const answer = await callAs(session, method, path, options);
  if (session !== state.session) throw new Stale();
  return answer;
}

// Runs what a user asked for, of `partner`; what fails is told in the error line, or for a poll in the log alone: the next one comes
// soon. Returns whether it went well.
async function attempt(work, { poll = false, partner = state.thread?.partner } = {}) {
  const { session } = state;
  try {
    await work();
    return true;
  } catch (error) {
    if (!(poll || error instanceof Stale) && session === state.session) showError(error.message, error.status === 403 ? partner : 0);
    if (!(error instanceof ApiError || error instanceof Stale)) throw error; // a bug of this page belongs in the console
    return false;
  }
}
