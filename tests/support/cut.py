"""A TCP proxy before a database server that cuts a connection between a COMMIT and its answer."""

import contextlib
import socket
import threading
import time

CHUNK = 65_536


class Cut:
    """On a port of its own, with threads of its own: the server under test may block the loop while it starts."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._text: bytes | None = None
        self._away_after = False
        self._late_seconds = 0.0
        self._away = False
        self._open: set[socket.socket] = set()
        self.cut = threading.Event()
        """A connection was cut."""
        threading.Thread(target=self._accept, daemon=True).start()

    def commit_of(self, text: str, *, away: bool = False, late_seconds: float = 0.0) -> None:
        """Cut the connection that is the first to commit something in which this text stands.

        `away`: and all others, and refuse new ones until `back`. `late_seconds`: the client's end is cut so long before
        the server gets the COMMIT; otherwise when it has answered.
        """
        self._away_after = away
        self._late_seconds = late_seconds
        self._text = text.encode()

    def back(self) -> None:
        """Take connections again."""
        self._away = False

    def close(self) -> None:
        self._listener.close()
        self._close_all()

    def _close_all(self) -> None:
        for one in list(self._open):
            _end(one)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self._away:
                    client.close()
                    continue
                server = socket.create_connection(("127.0.0.1", self._to))
                self._open |= {client, server}
                if self._away:
                    # It went while this one came.
                    self._close_all()
                    continue
                swallow = threading.Event()
                for pump in (self._to_server, self._to_client):
                    threading.Thread(target=pump, args=(client, server, swallow), daemon=True).start()

    def _to_server(self, client: socket.socket, server: socket.socket, swallow: threading.Event) -> None:
        said = False
        with contextlib.suppress(OSError):
            while data := client.recv(CHUNK):
                said = said or (self._text is not None and self._text in data)
                if said and b"COMMIT" in data:
                    self._text = None
                    swallow.set()
                    if self._late_seconds:
                        self.cut.set()
                        _end(client)
                        time.sleep(self._late_seconds)
                    server.sendall(data)
                    return
                server.sendall(data)
        _end(server)

    def _to_client(self, client: socket.socket, server: socket.socket, swallow: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(CHUNK):
                if swallow.is_set():
                    # Said first: who is cut off answers at once.
                    self._away = self._away_after
                    self.cut.set()
                    if self._away_after:
                        self._close_all()
                    _end(server)
                    break
                client.sendall(data)
        _end(client)


def _end(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
