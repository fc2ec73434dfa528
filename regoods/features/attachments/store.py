"""Where the pictures are: one API for a local folder, S3 and Azure (obstore). Credentials come from the environment."""

import functools
import logging
import secrets
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, from_url

from regoods.core.errors import NotFound, ServiceUnavailable
from regoods.core.settings import ROOT, SettingsError
from regoods.features.attachments.form import open_spool

if TYPE_CHECKING:
    # Not there at run time.
    from obstore import GetResult
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

logger = logging.getLogger(__name__)

ALLOWED = "file:data/attachments, file:///a/folder, s3://bucket/prefix or az://container/prefix"
CLIENT: "ClientConfig" = {"connect_timeout": "5s", "timeout": "30s", "allow_http": True}
"""`allow_http`: where an endpoint in the environment says http."""
RETRIES: "RetryConfig" = {"max_retries": 3, "retry_timeout": timedelta(seconds=15)}
PROBE = "probe-"


def probe(url: str) -> None:
    """Store a few bytes and remove them, as an upload would. Raises SettingsError, one line, where that fails."""
    try:
        open_spool().close()
    except OSError as error:
        raise SettingsError(
            f"Uploads cannot be written: {error}. Set TMPDIR to a folder where one may write."
        ) from None
    # Nodes that start together share the store, and must not delete each other's.
    name = PROBE + secrets.token_hex(8)
    try:
        store = _open(url)
        obstore.put(store, name, b"may be deleted", use_multipart=False)
        obstore.delete(store, name)
    except (BaseError, OSError, ValueError) as error:
        raise SettingsError(
            f"ATTACHMENTS_URL={url!r} cannot be used: {_one_line(error)}. Allowed: {ALLOWED}, where one may write."
        ) from None


async def put(url: str, name: str, data: bytes) -> None:
    """All of it or nothing. Raises ServiceUnavailable."""
    try:
        await obstore.put_async(_open(url), name, data, use_multipart=False)
    except (BaseError, OSError) as error:
        logger.error("%s could not be stored: %s", name, _one_line(error))
        raise ServiceUnavailable from None


async def get(url: str, name: str) -> "GetResult":
    """The file, to be read in pieces. Raises NotFound, ServiceUnavailable."""
    try:
        return await obstore.get_async(_open(url), name)
    except FileNotFoundError:
        raise NotFound from None
    except (BaseError, OSError) as error:
        logger.error("%s could not be read: %s", name, _one_line(error))
        raise ServiceUnavailable from None


async def remove(url: str, name: str) -> bool:
    """Whether it is gone, or was."""
    try:
        await obstore.delete_async(_open(url), name)
    except FileNotFoundError:
        return True
    except (BaseError, OSError) as error:
        logger.error("%s could not be removed: %s", name, _one_line(error))
        return False
    return True


@functools.lru_cache(maxsize=8)
def _open(url: str) -> "ObjectStore":
    scheme, host, path, *_ = urlsplit(url)
    if scheme == "file":
        if host:
            raise ValueError(f"a folder has no host {host!r}; a whole path begins with file:///")
        return LocalStore(Path(ROOT, unquote(path)), mkdir=True)
    return from_url(url, client_options=CLIENT, retry_config=RETRIES)


def _one_line(error: Exception) -> str:
    """Without the library's own view of its structures that follows."""
    return str(error).partition("\n")[0].rstrip(". ")
