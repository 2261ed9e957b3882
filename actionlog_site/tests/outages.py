"""What the tests of a lost database share: a site to write to and read from, and what its answers mean."""

import dataclasses
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import psutil
import psycopg

from actionlog_site.tests.processes import tree
from benchmarks.server import Server

Json = dict[str, Any]

LIST = "/api/action-attempts/"
# The session of a cookie is looked up in the database before anything is shown.
PAGE = "/admin/"
PATIENCE_SECONDS = 40.0


def attempt(**facts: Any) -> Json:
    return {"attempt_id": str(uuid.uuid4()), "action_id": "a", "action_type": "restart", "incident_id": "inc", **facts}


@dataclasses.dataclass
class Site:
    """A running web process as an engine and an operator see it."""

    server: Server
    client: httpx.Client

    def write(self, document: Json) -> httpx.Response:
        return self.client.post("/api/action-attempts/", json=document)

    def read(self) -> httpx.Response:
        return self.client.get(LIST, params={"limit": 1})

    def page(self) -> httpx.Response:
        return self.client.get(PAGE)

    def stored(self) -> list[str]:
        """The ids in the table, in their order."""
        with psycopg.connect(self.server.database_url) as connection:
            return [str(row[0]) for row in connection.execute("SELECT attempt_id FROM action_attempts ORDER BY 1")]

    def seconds_until_it_works(self) -> float:
        """Until a write, a list and a page are answered well again. Every other answer meanwhile is a true 503."""
        began = time.monotonic()
        asks: list[Callable[[], httpx.Response]] = [lambda: self.write(attempt()), self.read, self.page]
        for ask in asks:
            answer = ask()
            while answer.status_code >= 400:
                assert_unavailable(answer)
                assert time.monotonic() - began < PATIENCE_SECONDS, "it does not recover"
                time.sleep(0.05)
                answer = ask()
        return time.monotonic() - began


@contextmanager
def site_of(server: Server) -> Iterator[Site]:
    headers = {"Authorization": f"Bearer {server.api_key}"}
    cookies = {"sessionid": "x" * 32}
    with httpx.Client(base_url=server.url, headers=headers, cookies=cookies, timeout=60) as client:
        site = Site(server, client)
        assert [site.write(attempt()).status_code, site.read().status_code, site.page().status_code] == [201, 200, 302]
        yield site


def assert_unavailable(answer: httpx.Response) -> None:
    """A 503 that says when to come again: JSON under /api/, a page elsewhere."""
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["Retry-After"]) > 0
    if answer.request.url.path.startswith("/api/"):
        assert answer.json()["error"]["code"] == "unavailable"
    else:
        assert "<h1>" in answer.text


def timed(ask: Callable[[], httpx.Response]) -> tuple[httpx.Response, float]:
    began = time.monotonic()
    return ask(), time.monotonic() - began


@contextmanager
def hanging(postmaster: int) -> Iterator[None]:
    """The whole server stands still, and goes on afterwards."""
    processes = tree(postmaster)
    try:
        for process in processes:
            with suppress(psutil.NoSuchProcess):  # one that served a connection which has just been closed
                process.suspend()
        yield
    finally:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.resume()


@contextmanager
def server_setting(url: str, name: str, value: str) -> Iterator[None]:
    """ALTER SYSTEM for the time being. New sessions have it at once, others soon after."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"ALTER SYSTEM SET {name} = {value}")
        connection.execute("SELECT pg_reload_conf()")
    _wait_for_setting(url, name, value)
    try:
        yield
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"ALTER SYSTEM RESET {name}")
            connection.execute("SELECT pg_reload_conf()")


def _wait_for_setting(url: str, name: str, value: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with psycopg.connect(url) as connection:
            row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
        if row == (value,):
            return
        time.sleep(0.02)
    raise AssertionError(f"{name} is not {value}")
