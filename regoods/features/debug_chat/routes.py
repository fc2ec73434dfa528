import secrets

from regoods.core.api import ApiHandler, DevelopmentHandler
from regoods.core.calls import Body, call
from regoods.core.errors import NotFound
from regoods.core.http import PAGE_PERMISSIONS
from regoods.core.tokens import LIFETIME, mint
from regoods.core.wire import iso
from regoods.features.debug_chat import actions
from regoods.features.debug_chat.events import Token, TokenRequest


class Page(ApiHandler):
    requires_user = False

    def get(self) -> None:
        nonce = secrets.token_urlsafe(16)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header(
            "Content-Security-Policy",
            f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
            "connect-src 'self'; img-src data: blob: http: https:; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'",
        )
        self.set_header("Permissions-Policy", PAGE_PERMISSIONS)
        self.render("debug_chat.html", nonce=nonce)


class Entrance(ApiHandler):
    requires_user = False

    def get(self) -> None:
        self.redirect("/debug/chat")


class Users(DevelopmentHandler):
    async def get(self) -> None:
        self.send(await self.services.work.run(actions.list_users, 0))


class Tokens(DevelopmentHandler):
    """Nobody is to get a token for the asking in production, whatever DEBUG_CHAT says."""

    @call(Token)
    async def post(self, request: Body[TokenRequest]) -> None:
        if not self.services.settings.mints_tokens:
            raise NotFound("Without JWT_ACCESS_SECRET there is nothing to sign a token with.")
        user_id = request.user_id
        email = await self.services.work.run(actions.get_email, 0, user_id)
        now = self.services.clock.now()
        token = mint(self.services.settings.jwt_access_secret, user_id, email, now)
        self.send(Token(user_id=user_id, token=token, expires_at=iso(now + LIFETIME)))


ROUTES = [
    (r"/debug/chat", Page),
    (r"/debug(?:/|/chat/)?", Entrance),
    (r"/debug/users", Users),
    (r"/debug/token", Tokens),
]
