"""What really goes wrong under a database's file: its disk is full, it may not grow, it may not be written."""

import contextlib
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.databases import MissingPackage

MEGABYTE = 1024 * 1024

LOCKER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


class Volume:
    """A file system of its own, so many MB large. Raises MissingPackage where we may not mount one."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.folder = folder
        folder.mkdir()
        self._filler = folder / "filler"
        self._mount("-t", "tmpfs", "-o", f"size={megabytes}m", "none")

    def resize(self, megabytes: int) -> None:
        self._mount("-o", f"remount,size={megabytes}m")

    @contextmanager
    def full(self) -> Iterator[None]:
        """Not a byte is left (ENOSPC)."""
        with self._filler.open("wb", buffering=0) as filler, contextlib.suppress(OSError):
            while True:
                filler.write(bytes(4096))
        yield
        self._filler.unlink()

    def unmount(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)

    def _mount(self, *options: str) -> None:
        done = subprocess.run(["mount", *options, str(self.folder)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise MissingPackage(f"a file system cannot be mounted here: {done.stderr.strip()}")


@contextmanager
def no_growth(process_id: int, path: Path) -> Iterator[None]:
    """The process can write no file beyond the size that this one has now (EFBIG)."""
    before = resource.prlimit(process_id, resource.RLIMIT_FSIZE)
    resource.prlimit(process_id, resource.RLIMIT_FSIZE, (path.stat().st_size, before[1]))
    yield
    resource.prlimit(process_id, resource.RLIMIT_FSIZE, before)


@contextmanager
def unwritable(*paths: Path) -> Iterator[None]:
    """Nobody may write these files, root neither, nor who has them open (EPERM). Raises MissingPackage."""
    flag = ["chattr", "+i", *map(str, paths)]
    if not shutil.which("chattr") or subprocess.run(flag, capture_output=True, check=False).returncode:
        raise MissingPackage("files cannot be made immutable here (chattr +i wants root, and ext4, XFS or Btrfs)")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", *map(str, paths)], check=True)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program holds SQLite's lock for writing."""
    with subprocess.Popen(
        [sys.executable, "-c", LOCKER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"locked\n"
        yield
        program.communicate()
