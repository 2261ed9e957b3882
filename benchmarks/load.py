"""A load client that costs next to nothing, since it shares the machine with the server it measures.

Requests are built before the clock starts; one thread drives all connections, each of which sends its next request
once the last was answered. Knows HTTP/1.1 with Content-Length and keep-alive, and nothing else.
"""

import selectors
import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

TAKEN: Final = (200, 201)
SEND_BUFFER_BYTES: Final = 4 * 1024 * 1024
PATIENCE_SECONDS: Final = 60.0


class LoadError(RuntimeError):
    """The server refused a request, closed a connection or fell silent; the measurement is void."""


@dataclass(frozen=True)
class Load:
    """What came of it: seconds from the first byte sent to the last answer, and of each request from send to answer."""

    seconds: float
    latencies: list[float]


def post(url: str, path: str, body: bytes, api_key: str) -> bytes:
    """The bytes of one POST request."""
    return _request("POST", url, path, api_key, body)


def get(url: str, path: str, api_key: str) -> bytes:
    """The bytes of one GET request."""
    return _request("GET", url, path, api_key, b"")


def drive(url: str, requests: Sequence[Iterable[bytes]], *, until_seconds: float = float("inf")) -> Load:
    """Sends each list of requests over a connection of its own, all at once, until they or the time are used up.

    Raises LoadError at the first answer that is neither 200 nor 201.
    """
    host, port = _address(url)
    connections = [_Connection(host, port, iter(queue)) for queue in requests]
    latencies: list[float] = []
    selector = selectors.DefaultSelector()
    try:
        for connection in connections:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
        start = time.perf_counter()
        end = start + until_seconds
        busy = sum(connection.send_next() for connection in connections)
        while busy:
            ready = selector.select(PATIENCE_SECONDS)
            if not ready:
                raise LoadError(f"No answer from {url} within {PATIENCE_SECONDS:.0f} s.")
            for key, _ in ready:
                connection = key.data
                if connection.receive():
                    now = time.perf_counter()
                    latencies.append(now - connection.sent_at)
                    if now >= end or not connection.send_next():
                        busy -= 1
        return Load(time.perf_counter() - start, latencies)
    finally:
        selector.close()
        for connection in connections:
            connection.socket.close()


class _Connection:
    """One keep-alive connection with at most one request under way."""

    def __init__(self, host: str, port: int, queue: Iterator[bytes]) -> None:
        self.socket = socket.create_connection((host, port), timeout=PATIENCE_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A whole batch fits, so that sending on one connection does not keep us from the others.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self.sent_at = 0.0
        self._queue = queue
        self._received = b""

    def send_next(self) -> bool:
        """False when there is nothing left to send."""
        request = next(self._queue, None)
        if request is None:
            return False
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)
        return True

    def receive(self) -> bool:
        """Takes what has arrived; whether the answer is complete. Raises LoadError when it is not a good one."""
        part = self.socket.recv(262144)
        if not part:
            raise LoadError("The server closed a connection before it answered.")
        self._received += part
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found:
            return False
        if len(body) < _content_length(head):
            return False
        self._received = b""
        status = int(head[9:12])
        if status not in TAKEN:
            raise LoadError(f"The server answered {status}: {body[:1000].decode(errors='replace')}")
        return True


def _content_length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"content-length:")
    if not found:
        raise LoadError(f"An answer without Content-Length: {head[:500].decode(errors='replace')}")
    return int(rest.split(b"\r\n", 1)[0])


def _request(method: str, url: str, path: str, api_key: str, body: bytes) -> bytes:
    host, port = _address(url)
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {api_key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _address(url: str) -> tuple[str, int]:
    told = urlsplit(url)
    return told.hostname or "127.0.0.1", told.port or 80
