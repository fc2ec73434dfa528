from regoods.core.http import ApiHandler
from regoods.features.blocks import actions
from regoods.features.blocks.recent import RecentBlocks

DEFAULT_LIMIT = 50


class Blocks(ApiHandler):
    async def get(self) -> None:
        self.send_page(await self.run(actions.list_blocks, *self.paging(DEFAULT_LIMIT)))


class Block(ApiHandler):
    async def get(self, user_id: str) -> None:
        self.send(await self.run(actions.get_block, self.path_id("userId", user_id)))

    async def put(self, user_id: str) -> None:
        other_id = self.path_id("userId", user_id)
        state = await self.run(actions.block, other_id)
        self.services.state(RecentBlocks).made(self.user_id, other_id)
        self.send(state)

    async def delete(self, user_id: str) -> None:
        other_id = self.path_id("userId", user_id)
        state = await self.run(actions.unblock, other_id)
        self.services.state(RecentBlocks).ended(self.user_id, other_id)
        self.send(state)


ROUTES = [
    (r"/api/v1/messages/blocks", Blocks),
    (r"/api/v1/messages/blocks/([^/]+)", Block),
]
