"""HTTP to the server: one POST of a batch, and GETs for reading. What to do about an answer is not its matter."""

# Loaded here, since looking up a host would load it in a thread: a process that forks at that moment leaves its child
# the lock of a half-loaded module, for which every connection of the child would wait for ever.
import encodings.idna  # noqa: F401
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
import urllib3
from msgspec import Struct

from actionlog_client.delivery.connections import bounded_pool
from actionlog_client.version import VERSION

CONNECT_SECONDS: Final = 3.0
# The server gives up after 10 seconds of its own; more is a connection that hangs.
READ_SECONDS: Final = 20.0
# From the first byte sent to the last one read: beyond it the connection is closed, and the request was lost.
REQUEST_SECONDS: Final = 60.0
CONNECTIONS: Final = 3


class Unreachable(Exception):
    """No answer: no connection, a time-out, or a connection that broke. Whether it was recorded is not known."""


class Refusal(Struct, omit_defaults=True):
    """Why a document or a request was refused, as the server says it."""

    code: str = ""
    message: str = ""
    field: str | None = None
    path: str | None = None


class Result(Struct):
    """What became of one document."""

    outcome: str
    id: str | None = None
    error: Refusal | None = None


class Receipt(Struct):
    """The answer to a batch: a result for each document, in the order sent."""

    results: list[Result]
    # What became of the journal's report.
    journal: Result | None = None


class Reply(Struct):
    """Any answer. retry_after in seconds, None when the server tells none."""

    status: int
    body: bytes
    retry_after: float | None = None

    def receipt(self) -> Receipt | None:
        """The receipt for a batch; None when this is no answer of an Actionlog server."""
        try:
            return msgspec.json.decode(self.body, type=Receipt)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None

    def refusal(self) -> Refusal:
        """Why the whole request was refused, as far as the answer says it."""
        try:
            return msgspec.json.decode(self.body, type=_ErrorBody).error
        except (msgspec.DecodeError, UnicodeDecodeError):
            return Refusal(message=f"HTTP {self.status}: {self.body[:200].decode(errors='replace')}")

    @property
    def is_actionlogs(self) -> bool:
        """Whether an error has the shape that the server gives to every one of its own: a proxy's has not."""
        return bool(self.refusal().code)


class _ErrorBody(Struct):
    error: Refusal


class Transport:
    """The connections of one process to one server. Its methods may be called from several threads."""

    def __init__(
        self,
        url: str,
        api_key: str | None,
        *,
        read_seconds: float = READ_SECONDS,
        request_seconds: float = REQUEST_SECONDS,
    ) -> None:
        """read_seconds: how long the server may be silent; request_seconds: how long a request may take altogether."""
        self.url: Final = url
        self._headers = {"User-Agent": f"actionlog-client/{VERSION}", "Content-Type": "application/json"}
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"
        self._prefix = urllib3.util.parse_url(url).path or ""
        self._pool = bounded_pool(
            url,
            connections=CONNECTIONS,
            connect_seconds=CONNECT_SECONDS,
            read_seconds=read_seconds,
            request_seconds=request_seconds,
        )

    def ingest(self, body: bytes) -> Reply:
        """Send one batch. Raises Unreachable."""
        return self._request("POST", "/api/ingest/", body)

    def get(self, path: str, **parameters: Any) -> Reply:
        """Read. Raises Unreachable."""
        query = urlencode({name: value for name, value in parameters.items() if value is not None})
        return self._request("GET", f"{path}?{query}" if query else path)

    def close(self) -> None:
        self._pool.close()

    def _request(self, method: str, path: str, body: bytes | None = None) -> Reply:
        try:
            # A redirect could carry the key to another server.
            answer = self._pool.request(method, self._prefix + path, body=body, headers=self._headers, redirect=False)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise Unreachable(f"{self.url} cannot be reached: {_reason_of(error)}") from error
        return Reply(answer.status, answer.data, _seconds(answer.headers.get("Retry-After")))


def _reason_of(error: Exception) -> str:
    """What urllib3 says, without the representation of its own connection object."""
    text = str(getattr(error, "reason", None) or error)
    return text.rpartition("): ")[2] or type(error).__name__


def _seconds(retry_after: str | None) -> float | None:
    """Retry-After as seconds; a date is taken as not told."""
    try:
        seconds = float(retry_after or "")
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None
