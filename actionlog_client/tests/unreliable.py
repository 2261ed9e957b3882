"""A way to a real server on which things go wrong: answers are lost after the server has done its work, or never come.

A TCP relay in a thread of its own, one request at a time for each connection.
"""

import asyncio
import contextlib
import random
import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class UnreliableWay:
    """losing_answers: the share of the answers of which a part is passed on at most before the connection is reset.

    answering: when set, what each request gets instead of being passed on, as a whole HTTP answer; for those that hold
    the bytes only_for alone, when that is set. silent: requests are taken and not answered. dripping: the answer to a
    request that was passed on comes a byte at a time, and never whole. bytes_per_second: how fast requests get through.
    """

    def __init__(self, url: str, *, losing_answers: float = 0.0, seed: int = 0) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._chance = random.Random(seed)
        self.losing_answers = losing_answers
        self.answering: bytes | None = None
        self.only_for = b""
        self.silent = self.dripping = False
        self.bytes_per_second: float | None = None
        self.lost = self.requests = 0
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._relay, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._end(server))
        self._loop.close()

    async def _end(self, server: asyncio.Server) -> None:
        """Every connection is closed, also one that came at the last moment: its task is there some turns after it was
        accepted, and can close it only once it has begun."""
        server.close()
        turns_without_tasks = 0
        while turns_without_tasks < 5:
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            turns_without_tasks = 0 if tasks else turns_without_tasks + 1

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream: asyncio.StreamWriter | None = None
        try:
            # Cancelled at the end: asyncio would log it as an error of the connection's.
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                answers, upstream = await asyncio.open_connection(*self._target)
                while True:
                    request = await _message(reader)
                    self.requests += 1
                    if self.bytes_per_second is not None:
                        await asyncio.sleep(len(request) / self.bytes_per_second)
                    if self.silent:
                        await asyncio.sleep(3600)
                    if self.answering is not None and self.only_for in request:
                        writer.write(self.answering)
                        await writer.drain()
                        continue
                    upstream.write(request)
                    answer = await _message(answers)
                    if self._chance.random() < self.losing_answers:
                        self.lost += 1
                        writer.write(answer[: self._chance.randrange(len(answer))])
                        writer.transport.abort()
                        return
                    while self.dripping:
                        writer.write(b"HTTP/1.1 200 OK\r\nX-Drops: " if answer else b"x")
                        answer = b""
                        await asyncio.sleep(0.02)
                    writer.write(answer)
                    await writer.drain()
        finally:
            writer.close()
            if upstream is not None:
                upstream.close()


def answer(status: str, body: str = "{}", *headers: str) -> bytes:
    """A whole HTTP answer, for UnreliableWay.answering. status: such as `503 Service Unavailable`."""
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", body]).encode()


async def _message(reader: asyncio.StreamReader) -> bytes:
    """One HTTP request or answer, whole: its head, and as many bytes as Content-Length says."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            length = int(value)
    return head + await reader.readexactly(length)
