import asyncio
import re
import secrets
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from regoods.core.api import ApiHandler, DevelopmentHandler
from regoods.core.calls import call
from regoods.core.feature import Contract
from regoods.core.http import PAGE_PERMISSIONS
from regoods.core.wire import encode
from regoods.features.api_docs import asyncapi, openapi


class Documents:
    """Each is made when it is first asked for, which takes some 5 ms, and kept."""

    def __init__(self) -> None:
        self._made: dict[Callable[[Contract], Any], bytes] = {}

    def get(self, make: Callable[[Contract], Any], contract: Contract) -> bytes:
        if make not in self._made:
            self._made[make] = encode(make(contract))
        return self._made[make]


class OpenApi(ApiHandler):
    requires_user = False

    @call(dict[str, Any], envelope=False)
    def get(self) -> None:
        """The OpenAPI document of these calls."""
        self.finish(self.services.state(Documents).get(openapi.document, self.services.contract))


class AsyncApi(ApiHandler):
    requires_user = False

    @call(dict[str, Any], envelope=False)
    def get(self) -> None:
        """The AsyncAPI document of the socket."""
        self.finish(self.services.state(Documents).get(asyncapi.document, self.services.contract))


class Page(DevelopmentHandler):
    def get(self, socket: str) -> None:
        nonce = secrets.token_urlsafe(16)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header(
            "Content-Security-Policy",
            f"default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; "
            "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        )
        self.set_header("Permissions-Policy", PAGE_PERMISSIONS)
        self.render("debug_api.html", nonce=nonce, socket=bool(socket))


VIEWERS = {
    "swagger-ui.js": ("offapi", "swagger_bundle.js"),
    "swagger-ui.css": ("offapi", "swagger_style.css"),
    "asyncapi-viewer.js": ("asyncapi_viewer", "static/asyncapi-viewer.iife.js"),
}
"""Packages and the files in them that are served; importing the packages would load what is for other programs."""


class Viewer(DevelopmentHandler):
    async def get(self, name: str) -> None:
        package, file = VIEWERS[name]
        spec = find_spec(package)
        assert spec is not None
        assert spec.origin is not None
        self.set_header("Content-Type", "text/css" if name.endswith(".css") else "text/javascript")
        self.finish(await asyncio.to_thread((Path(spec.origin).parent / file).read_bytes))


ROUTES = [
    (r"/api/v1/openapi\.json", OpenApi),
    (r"/api/v1/asyncapi\.json", AsyncApi),
    (r"/debug/api(|/socket)", Page),
    (rf"/debug/api/({'|'.join(map(re.escape, VIEWERS))})", Viewer),
]
