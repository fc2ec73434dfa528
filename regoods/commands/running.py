"""A server that runs: where it is, and what it answers. For commands, which may wait: this blocks."""

import argparse
import http.client
import ipaddress
import json
import os
import ssl
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from regoods.commands.printing import harmless
from regoods.core.settings import Settings, SettingsError

SECONDS = 10.0
"""How long an answer is waited for."""

LARGEST_ANSWER = 16_000_000
"""Bytes. A hundred events of the log, all as long as can be, are 4 MB."""

ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104
"""Where a server is asked that listens on all addresses of its machine."""


class Unreachable(Exception):
    """One line for whoever wanted an answer: what is wrong, and what to do."""


class Reply(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: Any
    """Its JSON; None where it is none."""


@dataclass(frozen=True, slots=True)
class Address:
    """Of a server: `str` gives its URL."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}"

    @property
    def netloc(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def socket_url(self) -> str:
        return f"{'wss' if self.scheme == 'https' else 'ws'}://{self.netloc}/messages"

    @property
    def is_here(self) -> bool:
        """Whether it is an address of this machine alone."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def tls(self) -> ssl.SSLContext | None:
        """None for http. Nobody stands between two programs of one machine, and the certificate is of another name."""
        if self.scheme != "https":
            return None
        context = ssl.create_default_context()
        if self.is_here:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def ask(self, path: str, *, method: str = "GET", token: str = "", body: Any = None) -> Reply:
        """One call. Raises Unreachable."""
        context = self.tls()
        connection = (
            http.client.HTTPConnection(self.host, self.port, timeout=SECONDS)
            if context is None
            else http.client.HTTPSConnection(self.host, self.port, timeout=SECONDS, context=context)
        )
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            raw = answer.read(LARGEST_ANSWER + 1)
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(self.nothing_there(error)) from None
        finally:
            connection.close()
        if len(raw) > LARGEST_ANSWER:
            raise Unreachable(self.no_server_of_ours())
        try:
            return Reply(answer.status, answer.headers, json.loads(raw))
        except (ValueError, RecursionError):
            return Reply(answer.status, answer.headers, None)

    def check(self) -> None:
        """Whether a server of ours answers. Raises Unreachable."""
        health = self.ask("/health")
        if health.status != http.HTTPStatus.OK or not isinstance(health.body, dict) or "status" not in health.body:
            raise Unreachable(self.no_server_of_ours())

    def no_server_of_ours(self) -> str:
        return f"What answers at {self} is no ReGoods messaging. Name another address with --url."

    def nothing_there(self, error: Exception) -> str:
        number = error.errno if isinstance(error, OSError) else None
        # asyncio's own words for a refused connection are no sentence; a resolver's numbers are not the system's.
        reason = os.strerror(number) if number and number > 0 else harmless(str(error)) or type(error).__name__
        return f"No server answers at {self} ({reason}). Start it with `make run`, or name its address with --url."


def add_address(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--url", type=address, metavar="URL", help="the server's address; without it, that of HOST and PORT"
    )


def address(text: str) -> Address:
    """For argparse."""
    try:
        parts = urlsplit(text)
        port = parts.port
        # A name that no resolver would take.
        (parts.hostname or "").encode("idna")
    except ValueError:
        parts, port = urlsplit(""), None
    is_bare = parts.path in ("", "/") and not parts.query and not parts.fragment and parts.username is None
    if parts.scheme not in ("http", "https") or not parts.hostname or not is_bare or port == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no address of a server, such as http://127.0.0.1:3000")
    return Address(parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80))


def address_of(settings: Settings, given: Address | None) -> Address:
    """What was given, else where these settings listen. Raises SettingsError."""
    if given is not None:
        return given
    if not settings.port:
        raise SettingsError("PORT=0 takes any free port: say with --url which it was.")
    host = ANYWHERE.get(settings.host, settings.host)
    return Address("https" if settings.tls_cert_file else "http", host, settings.port)
