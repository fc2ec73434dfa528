"""Ports of 127.0.0.1 for what tests start."""

import socket
from collections import deque

MOST_HELD = 200
"""Ports of the last so many servers are held for them."""
_held: deque[socket.socket] = deque()


def free_port(following: int = 1) -> int:
    """One of the system's ephemeral ports, or the first of so many, one behind the other.

    Each stays bound here without a listener: the kernel gives it to nobody, not even while whoever has it is away, to
    be started again; and who names it, as servers do with SO_REUSEADDR, may have it.
    """
    while True:
        held = [_bound(0)]
        port = int(held[0].getsockname()[1])
        try:
            held += [_bound(port + step) for step in range(1, following)]
        except OSError:
            for one in held:
                one.close()
            continue
        _held.extend(held)
        while len(_held) > MOST_HELD:
            _held.popleft().close()
        return port


def _bound(port: int) -> socket.socket:
    unused = socket.socket()
    try:
        unused.bind(("127.0.0.1", port))
    except OSError:
        unused.close()
        raise
    # Only now, or another process's that is held so would seem to be free.
    unused.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return unused


def accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
