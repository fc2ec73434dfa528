"""`run.py`'s commands as processes of their own, beside a server of the test."""

import asyncio
import sys
from dataclasses import dataclass

from regoods.core.settings import ROOT, Settings
from tests.support.people import LIMIT
from tests.support.process import NOTHING_SET, SECRET


@dataclass
class Ended:
    """A command that is over."""

    code: int
    out: str
    errors: str


async def command(
    settings: Settings, *arguments: str, stdin: int = asyncio.subprocess.DEVNULL, **environment: str
) -> Ended:
    """Run one on a server's database and pictures, as in production; without a terminal, unless one is its stdin."""
    given = {
        "APP_ENV": "production",
        "JWT_ACCESS_SECRET": SECRET,
        "DATABASE_URL": settings.database_url,
        "ATTACHMENTS_URL": settings.attachments_url,
        "REDIS_URL": settings.redis_url,
    }
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(ROOT / "run.py"), *arguments),
        env=NOTHING_SET | given | environment,
        stdin=stdin,
        stdout=pipe,
        stderr=pipe,
    )
    out, errors = await asyncio.wait_for(process.communicate(), 2 * LIMIT)
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), errors.decode())
