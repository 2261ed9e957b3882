"""A patient HTTP client of Actionlog's API for one thread: one connection, and retries while the server is busy."""

import contextlib
import http.client
import json
import random
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlsplit

RETRIED: Final = (429, 502, 503, 504)
FIRST_WAIT_SECONDS: Final = 0.1
LONGEST_WAIT_SECONDS: Final = 5.0
TIMEOUT_SECONDS: Final = 60.0


class ServerGoneError(RuntimeError):
    """The server could not be reached, or was too busy, for as long as we were willing to wait."""


class NotSignedInError(RuntimeError):
    """The server does not know the API key; no request will do better."""


@dataclass(frozen=True)
class Answer:
    """The status and the decoded body; numbers with a fraction are decimals, so that every digit can be compared."""

    status: int
    body: Any

    @property
    def taken(self) -> bool:
        return self.status in (200, 201)

    def reason(self) -> str:
        """Why the server refused, for people."""
        error = self.body.get("error") if isinstance(self.body, dict) else None
        return f"{self.status} {json.dumps(error or self.body, default=str, ensure_ascii=False)[:500]}"


class ApiClient:
    """Not for several threads at once."""

    def __init__(self, url: str, api_key: str, *, patience_seconds: float = 60.0) -> None:
        told = urlsplit(url)
        if told.scheme not in ("http", "https") or not told.hostname:
            raise ValueError(f"{url!r} is not the address of a server, such as http://127.0.0.1:8000")
        kind = http.client.HTTPSConnection if told.scheme == "https" else http.client.HTTPConnection
        self._url = url
        self._prefix = told.path.rstrip("/")
        self._connection = kind(told.hostname, told.port, timeout=TIMEOUT_SECONDS)
        self._headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}
        self._patience_seconds = patience_seconds

    def post(self, path: str, body: bytes) -> Answer:
        """Repeats what may have got lost, since sending again changes nothing. Raises as get does."""
        return self._request("POST", path, body)

    def get(self, path: str) -> Answer:
        """Raises ServerGoneError and NotSignedInError."""
        return self._request("GET", path, None)

    def close(self) -> None:
        self._connection.close()

    def _request(self, method: str, path: str, body: bytes | None) -> Answer:
        give_up_at = time.monotonic() + self._patience_seconds
        wait = FIRST_WAIT_SECONDS
        while True:
            told_wait: str | None = None
            try:
                self._connection.request(method, self._prefix + path, body, self._headers)
                response = self._connection.getresponse()
                answer = Answer(response.status, _decode(response.read()))
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                trouble = str(error) or type(error).__name__
            else:
                if answer.status == 401:
                    raise NotSignedInError(f"{self._url} does not accept the API key: {answer.reason()}")
                if answer.status not in RETRIED:
                    return answer
                told_wait = response.headers.get("Retry-After")
                trouble = answer.reason()
            pause = _seconds(told_wait) or wait * random.uniform(0.5, 1.0)
            if time.monotonic() + pause > give_up_at:
                raise ServerGoneError(f"{self._url} could not be reached for {self._patience_seconds:.0f} s: {trouble}")
            time.sleep(pause)
            wait = min(wait * 2, LONGEST_WAIT_SECONDS)


def _decode(body: bytes) -> Any:
    try:
        return json.loads(body, parse_float=Decimal)
    except ValueError:
        return body[:1000].decode(errors="replace")


def _seconds(retry_after: str | None) -> float | None:
    """The seconds a Retry-After header names; a date in it is left to the usual back-off."""
    with contextlib.suppress(TypeError, ValueError):
        return max(0.0, float(retry_after or ""))
    return None
