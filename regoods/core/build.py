"""Which program this is: version, commit, Python, since when it runs."""

import functools
import platform
import shutil
import subprocess
from dataclasses import dataclass
from datetime import datetime

from regoods import __version__
from regoods.core.settings import ROOT

GIT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Build:
    started_at: datetime
    commit: str | None
    """As `git describe` names it; None where the program is no checkout."""
    version: str = __version__
    python: str = platform.python_version()


@functools.cache
def commit() -> str | None:
    """Asks git, once a process, for some ms: at start."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        return None
    # Installed by root and run by another user, it is a folder that git would not read.
    command = [git, "-c", "safe.directory=*", "-C", str(ROOT), "describe", "--always", "--tags"]
    try:
        done = subprocess.run(  # noqa: S603 - of this program's own folder
            command, capture_output=True, text=True, timeout=GIT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
