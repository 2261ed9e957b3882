"""Where the running server is, as the demonstration finds it: from the environment, else as `make run` leaves it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import urllib3

from actionlog_site.embedded_postgres import running_url
from actionlog_site.home import actionlog_home

ANSWER_SECONDS = 5.0


class NoServer(RuntimeError):
    """There is none, or it does not let us in; the message tells what to do."""


@dataclass(frozen=True)
class Server:
    """A server that answers and takes the key. database_url: of the database beside it, None when that is not known."""

    url: str
    api_key: str
    home: Path
    database_url: str | None

    def engine(self, journal_id: UUID) -> dict[str, Any] | None:
        """What the server has of a journal; None when it does not tell."""
        reply = _get(self.url, f"/api/engines/{journal_id}/", self.api_key)
        if reply.status != 200:
            return None
        found: dict[str, Any] = reply.json()
        return found


def find_server(told: Mapping[str, str] = os.environ) -> Server:
    """By ACTIONLOG_URL and ACTIONLOG_API_KEY, else PORT and the key in ACTIONLOG_HOME. Raises NoServer."""
    home = actionlog_home()
    url = (told.get("ACTIONLOG_URL") or f"http://127.0.0.1:{told.get('PORT') or 8000}").rstrip("/")
    try:
        ready = _get(url, "/readyz")
    except urllib3.exceptions.HTTPError as error:
        raise NoServer(
            f"No Actionlog answers at {url}.\n"
            "Start it in another terminal with `make run`, or name it: PORT=8001 make demo, or ACTIONLOG_URL=http://..."
        ) from error
    if ready.status != 200:
        raise NoServer(f"What answers at {url} is not ready, or no Actionlog (HTTP {ready.status} for /readyz).")
    key = told.get("ACTIONLOG_API_KEY") or _key_in(home)
    answer = _get(url, "/api/action-attempts/", key, {"limit": "1"})
    if answer.status != 200:
        raise NoServer(
            f"Actionlog at {url} does not take the key (HTTP {answer.status}): it was made for another one.\n"
            "Set ACTIONLOG_HOME to that server's folder, or ACTIONLOG_API_KEY to a key of its own: "
            "manage.py create_api_key demo --scope ingest --scope read"
        )
    return Server(url, key, home, told.get("DATABASE_URL") or running_url(home))


def _key_in(home: Path) -> str:
    try:
        return (home / "api-key").read_text().strip()
    except OSError as error:
        raise NoServer(
            f"There is no API key: {home / 'api-key'} cannot be read ({error.strerror}).\n"
            "`make run` makes it; set ACTIONLOG_HOME to that server's folder, or ACTIONLOG_API_KEY."
        ) from error


def _get(
    url: str, path: str, api_key: str | None = None, fields: Mapping[str, str] | None = None
) -> urllib3.BaseHTTPResponse:
    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    return urllib3.request(
        "GET", url + path, fields=fields, headers=headers, timeout=ANSWER_SECONDS, retries=False, redirect=False
    )
