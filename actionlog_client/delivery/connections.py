"""Connections on which a request has so long altogether, however slowly its answer drips.

The time-outs of urllib3 are for each read and write: a server that sends a byte now and then would hold a sender for
ever. Here each of them has what is left of the request's time at most. Looking up the host's name is not bounded.
"""

import io
import time
from functools import partial
from http.client import HTTPResponse
from typing import Any, Final

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

# No answer of the server comes near; without a limit one that never ends would fill the memory.
MOST_ANSWER_BYTES: Final = 256 * 1024 * 1024
# A TLS socket has its time-out for each write below it, so that it is given little at a time.
_SENT_AT_ONCE: Final = 64 * 1024


def bounded_pool(
    url: str, *, connections: int, connect_seconds: float, read_seconds: float, request_seconds: float
) -> urllib3.HTTPConnectionPool:
    """Connections to one server. connect_seconds for each address of the host, read_seconds without a byte,
    request_seconds from the beginning of a request to the end of its answer."""
    pool = urllib3.connection_from_url(
        url,
        maxsize=connections,
        retries=False,
        timeout=urllib3.Timeout(connect=connect_seconds, read=read_seconds),
        request_seconds=request_seconds,
    )
    secure = isinstance(pool, urllib3.HTTPSConnectionPool)
    pool.ConnectionCls = _BoundedHTTPSConnection if secure else _BoundedHTTPConnection
    return pool


class _Allowance:
    """The time of one request."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds, above zero. Raises TimeoutError when there are none."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"no whole answer within {self._seconds:g} seconds")
        return left


class _BoundedReading(io.RawIOBase):
    """What comes from a socket, while the time and the size of an answer allow."""

    def __init__(self, raw: Any, sock: Any, allowance: _Allowance) -> None:
        self._raw = raw
        self._sock = sock
        self._silence = sock.gettimeout()
        self._allowance = allowance
        self._size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._allowance.left()
        self._sock.settimeout(left if self._silence is None else min(self._silence, left))
        count: int | None = self._raw.readinto(buffer)
        self._size += count or 0
        if self._size > MOST_ANSWER_BYTES:
            raise OSError(f"the answer has more than {MOST_ANSWER_BYTES} bytes")
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _BoundedResponse(HTTPResponse):
    def __init__(self, allowance: _Allowance, sock: Any, **facts: Any) -> None:
        super().__init__(sock, **facts)
        self.fp = io.BufferedReader(_BoundedReading(self.fp.detach(), sock, allowance))


class _BoundedHTTPConnection(HTTPConnection):
    def __init__(self, *arguments: Any, request_seconds: float, **facts: Any) -> None:
        super().__init__(*arguments, **facts)
        self._request_seconds = request_seconds
        self._allowance = _Allowance(request_seconds)

    def request(self, *arguments: Any, **facts: Any) -> None:
        self._allowance = _Allowance(self._request_seconds)
        # http.client makes its response of this, one for each request.
        self.response_class = partial(_BoundedResponse, self._allowance)  # type: ignore[assignment]
        super().request(*arguments, **facts)

    def send(self, data: Any) -> None:
        """Also more patient than urllib3, for which a body has the time of a connect: a slow line is no failure."""
        if self.sock is None:
            self.connect()
        view = memoryview(data)
        for first in range(0, len(view), _SENT_AT_ONCE):
            self.sock.settimeout(self._allowance.left())
            super().send(view[first : first + _SENT_AT_ONCE])


class _BoundedHTTPSConnection(_BoundedHTTPConnection, HTTPSConnection):
    pass
