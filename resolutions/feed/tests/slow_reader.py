"""A client of the feed that reads from its socket only when it is told to, so that the server feels it."""

import socket
from collections.abc import Iterator
from typing import Any

import msgspec
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from resolutions.feed.tests.web_process import HOST, WebProcess


class SlowReader:
    """Speaks WebSocket over a plain socket with a small receive buffer."""

    def __init__(self, web: WebProcess, token: str) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 256 * 1024)
        self._socket.settimeout(60)
        self._socket.connect((HOST, web.port))
        self._protocol = ClientProtocol(parse_uri(f"ws://{HOST}:{web.port}/ws/live-feed/"), max_size=None)
        request = self._protocol.connect()
        request.headers["Authorization"] = f"Bearer {token}"
        self._protocol.send_request(request)
        self._flush()

    def subscribe(self) -> dict[str, Any]:
        """Subscribe from the head; the server's answer."""
        events = self._events()
        next(events)  # the answer to the handshake
        self._protocol.send_text(b'{"type": "subscribe"}')
        self._flush()
        return next(self.messages())

    def messages(self) -> Iterator[dict[str, Any]]:
        """Read on, message by message."""
        parts: list[bytes] = []
        for event in self._events():
            if isinstance(event, Frame) and event.opcode in (Opcode.TEXT, Opcode.CONT):
                parts.append(bytes(event.data))
                if event.fin:
                    yield msgspec.json.decode(b"".join(parts))
                    parts = []

    def close(self) -> None:
        self._socket.close()

    def _events(self) -> Iterator[Any]:
        while True:
            yield from self._protocol.events_received()
            received = self._socket.recv(256 * 1024)
            assert received, "the server closed the connection"
            self._protocol.receive_data(received)
            self._flush()

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            self._socket.sendall(data)
