"""A request comes to an end, whatever the server does with it."""

import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import pytest

from actionlog_client.delivery import connections
from actionlog_client.delivery.transport import Transport, Unreachable

Serve = Callable[[Callable[[socket.socket], None]], Transport]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A server that does with each connection what it is told; the way to it has half a second for a request."""
    with ExitStack() as stack:

        def begin(answer: Callable[[socket.socket], None]) -> Transport:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

            def run() -> None:
                with suppress(OSError):
                    while True:
                        connection, _ = listener.accept()
                        with connection, suppress(OSError):
                            answer(connection)

            thread = threading.Thread(target=run, daemon=True)
            thread.start()
            stack.callback(thread.join, 5)
            # Closing alone does not wake who waits in accept().
            stack.callback(lambda: listener.shutdown(socket.SHUT_RDWR))
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            transport = Transport(url, None, read_seconds=60, request_seconds=REQUEST_SECONDS)
            stack.callback(transport.close)
            return transport

        yield begin


# Much longer than a busy machine takes for what is at hand.
REQUEST_SECONDS = 1.5


def drip(connection: socket.socket, start: bytes, drop: bytes) -> None:
    connection.sendall(start)
    while True:
        time.sleep(0.02)
        connection.sendall(drop)


@pytest.mark.parametrize(
    ("start", "drop"),
    [
        (b"", b"H"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"x"),
        (b"HTTP/1.1 200 OK\r\n", b"X-More: 1\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b" "),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b" "),
    ],
    ids=["status", "continue", "header", "headers", "body", "chunks", "endless body"],
)
def test_an_answer_that_drips_ends_with_the_time_of_its_request(serve: Serve, start: bytes, drop: bytes) -> None:
    transport = serve(lambda connection: drip(connection, start, drop))
    began = time.monotonic()
    with pytest.raises(Unreachable):
        transport.ingest(b"{}")
    assert 0.9 * REQUEST_SECONDS < time.monotonic() - began < 30


def test_a_server_that_reads_nothing_ends_with_the_time_of_the_request(serve: Serve) -> None:
    def read_nothing(connection: socket.socket) -> None:
        """Until the other side goes."""
        ends = select.poll()
        ends.register(connection, select.POLLRDHUP)
        ends.poll(60_000)

    transport = serve(read_nothing)
    began = time.monotonic()
    with pytest.raises(Unreachable):
        transport.ingest(b" " * 16 * 1024 * 1024)
    assert 0.9 * REQUEST_SECONDS < time.monotonic() - began < 30


def test_an_answer_without_end_is_given_up(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MOST_ANSWER_BYTES", 1024 * 1024)
    sent = []

    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            sent.append(connection.send(b" " * 65536))

    with pytest.raises(Unreachable, match="1048576 bytes"):
        serve(flood).ingest(b"{}")
    assert sum(sent) < 64 * 1024 * 1024


def test_one_connection_carries_one_request_after_the_other_and_each_has_its_own_time(serve: Serve) -> None:
    accepted = []

    def answer(connection: socket.socket) -> None:
        accepted.append(1)
        for _ in range(3):
            connection.recv(65536)
            time.sleep(0.45 * REQUEST_SECONDS)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        connection.recv(1)

    transport = serve(answer)
    assert [transport.get("/").body for _ in range(3)] == [b"ok"] * 3
    assert len(accepted) == 1
