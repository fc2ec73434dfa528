// Whether I block the partner; whether he blocks me is told by the server's words when I write. No event tells of either:
// what another window of mine did is asked for, and that he is online, or writes, says that no block is left.
const callBlock = (method) => async () => {
  const { thread } = state;
  const { data } = await api(method, `/messages/blocks/${thread.partner}`, { poll: method === "GET" });
  thread.blocked = data.isBlocked;
  if (thread === state.thread) drawComposer();
};

const loadBlock = () => attempt(callBlock("GET"), { poll: true });
const toggleBlock = () => attempt(async () => {
  await callBlock(state.thread.blocked ? "DELETE" : "PUT")();
  await refreshList(); // whether the partner is online is hidden by a block, and no event says that it is not any more
});

function noBlockWith(userId) {
  if (state.blockTold === userId) showError("");
}

function drawBlock() {
  const { thread } = state;
  $("block").hidden = thread?.blocked === undefined;
  $("block").textContent = thread?.blocked ? "Unblock" : "Block";
  $("blocked").hidden = !thread?.blocked;
  $("blocked").textContent = thread?.blocked ? `You blocked ${nameOf(thread.partner)}. Neither of you can write to the other.` : "";
}
