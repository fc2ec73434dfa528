from regoods.core.api import ApiHandler
from regoods.core.calls import Limit, Offset, Path, Query, call
from regoods.core.errors import NotFound
from regoods.core.wire import Id
from regoods.features.blocks import actions, events, recent


class Blocks(ApiHandler):
    @call(events.Block, paged=True)
    async def get(self, limit: Query[Limit] = 50, offset: Query[Offset] = 0) -> None:
        """Whom the caller blocks, the latest first."""
        self.send_page(await self.run(actions.list_blocks, limit, offset))


class Block(ApiHandler):
    @call(events.BlockState, errors=(NotFound,))
    async def get(self, user_id: Path[Id]) -> None:
        """Whether the caller blocks this user; whether he is blocked is not told."""
        self.send(await self.run(actions.get_block, user_id))

    @call(events.BlockState, errors=(NotFound,))
    async def put(self, user_id: Path[Id]) -> None:
        """Block a user; a block that stands stays as it is."""
        state = await self.run(actions.block, user_id)
        recent.tell(self.services, self.user_id, user_id, is_blocked=True)
        self.send(state)

    @call(events.BlockState, errors=(NotFound,))
    async def delete(self, user_id: Path[Id]) -> None:
        """Unblock a user."""
        state = await self.run(actions.unblock, user_id)
        recent.tell(self.services, self.user_id, user_id, is_blocked=False)
        self.send(state)


ROUTES = [
    (r"/api/v1/messages/blocks", Blocks),
    (r"/api/v1/messages/blocks/([^/]+)", Block),
]
