// Whether I block the partner; whether he blocks me is told by the server's words when I write.
const callBlock = (method) => async () => {
  const { thread } = state;
  const { data } = await api(method, `/messages/blocks/${thread.partner}`);
  thread.blocked = data.isBlocked;
  if (thread === state.thread) drawComposer();
};

const loadBlock = () => attempt(callBlock("GET"), { poll: true });
const toggleBlock = () => attempt(async () => {
  await callBlock(state.thread.blocked ? "DELETE" : "PUT")();
  await refreshList(); // whether the partner is online is hidden by a block, and no event says that it is not any more
});

function drawBlock() {
  const { thread } = state;
  $("block").hidden = thread?.blocked === undefined;
  $("block").textContent = thread?.blocked ? "Unblock" : "Block";
  $("blocked").hidden = !thread?.blocked;
  $("blocked").textContent = thread?.blocked ? `You blocked ${nameOf(thread.partner)}. Neither of you can write to the other.` : "";
}
