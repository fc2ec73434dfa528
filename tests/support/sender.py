"""Sends messages over one connection until its stdin ends, in its own process: what the test does beside it costs it
nothing. Prints JSON: how often each status came, and the seconds that the slowest answer took.

    python -m tests.support.sender http://127.0.0.1:3000 TOKEN RECIPIENT
"""

import asyncio
import http.client
import json
import select
import sys
import time
from collections import Counter
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from regoods.core.settings import ROOT
from tests.support.people import Person

PAUSE = 0.05


class Sender:
    """Runs one beside the test; afterwards `statuses` and `slowest`."""

    statuses: dict[str, int]
    slowest: float

    def __init__(self, sender: Person, recipient: Person) -> None:
        self._arguments = ("-m", "tests.support.sender", sender.base_url, sender.token(), str(recipient.user_id))

    async def __aenter__(self) -> Self:
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, *self._arguments, cwd=ROOT, stdin=pipe, stdout=pipe
        )
        assert self._process.stdout is not None
        assert await self._process.stdout.readline() == b"sent\n"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        output, _ = await self._process.communicate(b"")
        if kind is None:
            figures: dict[str, Any] = json.loads(output)
            self.statuses, self.slowest = figures["statuses"], figures["slowest"]


def main(url: str, token: str, recipient: str) -> None:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    body = json.dumps({"recipientId": int(recipient), "messageContent": "Still there?"})
    statuses: Counter[int] = Counter()
    slowest = 0.0
    while not select.select([sys.stdin], [], [], PAUSE)[0]:
        begun = time.monotonic()
        connection.request("POST", "/api/v1/messages", body, headers)
        answer = connection.getresponse()
        answer.read()
        slowest = max(slowest, time.monotonic() - begun)
        statuses[answer.status] += 1
        if sum(statuses.values()) == 1:
            print("sent", flush=True)
    print(json.dumps({"statuses": statuses, "slowest": slowest}))


if __name__ == "__main__":
    main(*sys.argv[1:])
