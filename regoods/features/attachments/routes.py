import asyncio
import logging
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Annotated

from msgspec import Meta
from tornado.iostream import StreamClosedError

from regoods.core.api import ApiHandler, content_length
from regoods.core.calls import Path, call
from regoods.core.errors import ApiError, NotFound, PayloadTooLarge, ServiceUnavailable
from regoods.features.attachments import actions, images, rules, store
from regoods.features.attachments.events import Attachment
from regoods.features.attachments.form import FIELD, FileForm
from regoods.features.messages.rules import check_attachment_url

logger = logging.getLogger(__name__)

PIECE = 64 * 1024
PIECE_SECONDS = 30
"""For a reader to take a piece."""

_decoder = ThreadPoolExecutor(1, thread_name_prefix="decoder")
"""One picture at a time: what waits is on disk, and one of two cores stays the loop's."""


Name = Annotated[str, Meta(extra_json_schema={"pattern": f"^{rules.NAME_PATTERN}$"})]


class Upload(ApiHandler):
    """The body goes to disk as it comes; then the picture is judged, and stored."""

    # 5 MB at 140 kbit/s.
    body_seconds = 300.0

    def initialize(self) -> None:
        super().initialize()
        self._form: FileForm | None = None
        self._upload_id: int | None = None
        self._giving_up: asyncio.Future[None] | None = None

    async def prepare(self) -> None:
        learning = super().prepare()
        if learning is not None:
            await learning
        if self.refused or self.request.method != "POST":
            return
        try:
            if content_length(self.request.headers.get("Content-Length", "0")) > rules.LARGEST_FORM:
                raise PayloadTooLarge(rules.LARGEST_FILE, FIELD)
            self._form = FileForm(self.request.headers.get("Content-Type", ""))
            self.services.work.check_room(actions.begin)
            self._upload_id = await self.services.work.run(actions.begin, self.user_id)
        except ApiError as error:
            self.refuse(error)
        if self.gone:
            await self._give_up()

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        return self.drop(chunk) if self.refused or self._form is None else self._feed(self._form, chunk)

    async def _feed(self, form: FileForm, chunk: bytes) -> None:
        try:
            await asyncio.to_thread(form.feed, chunk)
        except ApiError as error:
            await self._give_up()
            self.refuse(error)
        except OSError as error:
            logger.error("an upload could not be written to disk: %s", error)
            await self._give_up()
            self.refuse(ServiceUnavailable())

    @call(Attachment, status=201, upload=FIELD)
    async def post(self) -> None:
        """Upload a picture: JPEG, PNG, GIF or WebP, 5 MB at most."""
        assert self._form is not None
        assert self._upload_id is not None
        self.reading = False
        try:
            extension, picture = await asyncio.get_running_loop().run_in_executor(_decoder, _read, self._form)
            name = rules.new_name(extension)
            url = f"{self.public_url}/attachments/{name}"
            check_attachment_url(url)
            if self.stream is None or self.stream.closed():
                await self._give_up()
                return
            # Not refused any more, now that all of it has come.
            await self.services.work.run(actions.store, self.user_id, self._upload_id, url)
            await store.put(self.services.settings.attachments_url, name, picture)
        except Exception:
            await self._give_up()
            raise
        self.send(Attachment(url=url), 201)

    async def _give_up(self) -> None:
        if self._form is not None:
            self._form.close()
        if self._upload_id is not None:
            with suppress(ApiError):
                await self.services.work.run(actions.refuse, self.user_id, self._upload_id)

    def on_finish(self) -> None:
        super().on_finish()
        if self._form is not None:
            self._form.close()

    def on_connection_close(self) -> None:
        super().on_connection_close()
        if self.reading and self._form is not None:
            # Broken off: it does not count as one of the hour's.
            self._giving_up = asyncio.ensure_future(self._give_up())


def _read(form: FileForm) -> tuple[str, bytes]:
    return images.clean(form.read())


class Picture(ApiHandler):
    """For everybody who has the address, for ever the same, and never a page of ours."""

    requires_user = False

    @call(media=tuple(rules.CONTENT_TYPES.values()), errors=(NotFound,))
    async def get(self, name: Path[Name]) -> None:
        """A picture, for whoever has its address."""
        file = await store.get(self.services.settings.attachments_url, name)
        self.set_header("Content-Type", rules.content_type(name))
        self.set_header("Content-Length", str(file.meta["size"]))
        self.set_header("Cache-Control", "public, max-age=31536000, immutable")
        self.set_header("Content-Security-Policy", "sandbox; default-src 'none'")
        self.set_header("Cross-Origin-Resource-Policy", "cross-origin")
        try:
            async for piece in file.stream(min_chunk_size=PIECE):
                self.write(piece)
                async with asyncio.timeout(PIECE_SECONDS):
                    await self.flush()
            # Who has the last byte may have hung up before this is known here.
            await self.finish()
        except (StreamClosedError, TimeoutError):
            self.request.connection.close()  # type: ignore[union-attr]


ROUTES = [
    (r"/api/v1/messages/attachments", Upload),
    (rf"/attachments/({rules.NAME_PATTERN})", Picture),
]
