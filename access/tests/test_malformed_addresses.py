"""Paths and query strings that are not text: a 400, never a 500, and never an answer to something else."""

import asyncio
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.test import Client

pytestmark = [pytest.mark.django_db, pytest.mark.urls("access.tests.urls")]


@pytest.mark.parametrize("query", ["limit=%00", "x=%ff", "%00=1", "x=a%C3", "x=%ed%a0%80"])
def test_a_query_string_that_is_not_text_is_400(client: Client, query: str) -> None:
    answer = client.get(f"/api/plain/none/?{query}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid")
    page = client.get(f"/failing/none/?{query}")
    assert page.status_code == 400
    assert "<h1>" in page.content.decode()


def test_a_nul_in_the_path_is_400(client: Client) -> None:
    assert client.get("/api/any/a%00b").status_code == 400


@pytest.mark.parametrize("address", ["/api/any/100%25/caf%C3%A9?x=%25ff", "/api/any/a%20b?x=a+b%26", "/api/any/%2500"])
def test_addresses_that_are_text_are_answered(client: Client, address: str) -> None:
    assert client.get(address).status_code == 200


@pytest.mark.parametrize(
    ("raw_path", "query", "status"),
    [
        (b"/api/any/%ff", b"", 400),
        (b"/api/any/\xff", b"", 400),
        (b"/api/any/a%00", b"", 400),
        (b"/api/any/a", b"x=%ff", 400),
        (b"/api/any/a", b"x=\xff", 400),
        (b"/api/any/%EF%BF%BD", b"x=%EF%BF%BD", 200),
    ],
)
async def test_the_server_s_own_bytes_decide(raw_path: bytes, query: bytes, status: int) -> None:
    """Sent as an ASGI server sends them, with the path decoded beside its bytes."""
    sent: list[Any] = []
    body: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    body.put_nowait({"type": "http.request", "body": b"", "more_body": False})

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": raw_path.replace(b"%ff", b"\xff").replace(b"%00", b"\0").decode(errors="replace"),
        "raw_path": raw_path,
        "query_string": query,
        "headers": [(b"host", b"localhost")],
    }
    handler = ASGIHandler()
    handler.load_middleware(is_async=True)
    await handler(scope, body.get, send)
    assert sent[0]["status"] == status
