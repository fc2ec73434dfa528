"""The service manager that may have started us: what it is told, and the sockets on which it listens for us.

sd_notify(3) is a datagram, sd_listen_fds(3) two variables. Of the libraries for them one is not maintained any more,
and the other needs C headers to be installed. Without systemd nothing of this does anything.
"""

import asyncio
import contextlib
import os
import socket

FIRST_LISTENING = 3
"""The number of the first open file that is handed over; the others follow it."""


def notify(*said: str) -> None:
    """Say it, such as `READY=1`, as one message. Never waits, and never fails: it is no reason not to serve."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.setblocking(False)
        manager.sendto("\n".join(said).encode(), address)


def patience_seconds() -> float:
    """How long it bears our silence (WatchdogSec=); 0 where it does not ask."""
    wanted = os.environ.get("WATCHDOG_USEC", "")
    meant = os.environ.get("WATCHDOG_PID", "") in ("", str(os.getpid()))
    return int(wanted) / 1_000_000 if wanted.isdecimal() and meant else 0


async def report_alive() -> None:
    """Without end, on the loop that serves: one that hangs is silent, and the process is started anew."""
    seconds = patience_seconds()
    while seconds:
        notify("WATCHDOG=1")
        await asyncio.sleep(seconds / 3)


def take_sockets() -> list[socket.socket]:
    """Those on which it listens for us (regoods.socket), and goes on listening while we are started anew; once."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return []
    count = int(os.environ.get("LISTEN_FDS", "0"))
    for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        os.environ.pop(name, None)
    sockets = [socket.socket(fileno=number) for number in range(FIRST_LISTENING, FIRST_LISTENING + count)]
    for one in sockets:
        one.set_inheritable(False)
        one.setblocking(False)
    return sockets
