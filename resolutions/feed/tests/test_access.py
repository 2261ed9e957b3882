"""Who is let in at ws/live-feed/, and how long."""

import http.client
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client, override_settings
from websockets.exceptions import InvalidStatus

from access.errors import ApiError
from access.keys import revoke_key
from access.models import ApiKey
from resolutions.feed import consumer
from resolutions.feed.followers import require_follower
from resolutions.feed.hub import Hub
from resolutions.feed.routing import websocket_application
from resolutions.feed.tests.recording import attempt, in_thread, record
from resolutions.feed.tests.web_process import PATIENCE_SECONDS, WebProcess

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def operator(transactional_db: None) -> User:
    return User.objects.create_user("operator")


@pytest.fixture
def cookie(operator: User, client: Client) -> str:
    client.force_login(operator)
    name = settings.SESSION_COOKIE_NAME
    return f"{name}={client.cookies[name].value}"


def refusal(web: WebProcess, token: str | None = None, *, query: str = "", **headers: str) -> tuple[int, str]:
    """The HTTP status and the error's code."""
    with pytest.raises(InvalidStatus) as refused, web.follow(token, query=query, **headers):
        pass
    return refused.value.response.status_code, msgspec.json.decode(refused.value.response.body)["error"]["code"]


def test_a_key_with_scope_read_is_let_in(web: WebProcess, key: str) -> None:
    with web.follow(key).subscribe() as follower:
        follower.follow_to(record([attempt()]))


def test_a_signed_in_user_is_let_in_from_a_page_of_this_site(web: WebProcess, cookie: str) -> None:
    with web.follow(Cookie=cookie, Origin=web.origin).subscribe() as follower:
        follower.follow_to(record([attempt()]))


def test_without_credentials_nobody_is_let_in(web: WebProcess) -> None:
    assert refusal(web) == (401, "unauthorized")
    assert refusal(web, Origin=web.origin) == (401, "unauthorized")


def test_an_unknown_key_is_refused(web: WebProcess) -> None:
    assert refusal(web, "alk_unknown") == (401, "unauthorized")


def test_a_key_without_scope_read_is_forbidden(web: WebProcess, make_key: Callable[..., str]) -> None:
    assert refusal(web, make_key("ingest")) == (403, "forbidden")


@pytest.mark.parametrize("name", ["key", "token", "api_key", "Authorization"])
def test_a_key_in_the_address_is_not_read(web: WebProcess, key: str, name: str) -> None:
    assert refusal(web, query=f"?{name}={key}") == (401, "unauthorized")


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "http://localhost", "", "x://["]
)
def test_another_origin_is_refused_to_sessions_and_keys_alike(
    web: WebProcess, key: str, cookie: str, origin: str
) -> None:
    assert refusal(web, Cookie=cookie, Origin=origin) == (403, "forbidden")
    assert refusal(web, key, Origin=origin) == (403, "forbidden")


def test_an_origin_that_is_the_host_asked_must_still_be_an_allowed_host(web: WebProcess, cookie: str) -> None:
    """A name of the attacker that leads to our address (DNS rebinding)."""
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=PATIENCE_SECONDS)
    handshake = {
        "Host": "evil.example",
        "Origin": "http://evil.example",
        "Cookie": cookie,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Version": "13",
    }
    connection.request("GET", "/ws/live-feed/", headers=handshake)
    assert connection.getresponse().status == 403
    connection.close()


def test_a_session_without_an_origin_is_refused(web: WebProcess, cookie: str) -> None:
    assert refusal(web, Cookie=cookie) == (403, "forbidden")


def test_a_deactivated_user_is_refused(web: WebProcess, operator: User, cookie: str) -> None:
    User.objects.filter(pk=operator.pk).update(is_active=False)
    assert refusal(web, Cookie=cookie, Origin=web.origin) == (401, "unauthorized")


def test_a_signed_out_user_is_refused(web: WebProcess, client: Client, cookie: str) -> None:
    client.logout()
    assert refusal(web, Cookie=cookie, Origin=web.origin) == (401, "unauthorized")


def test_another_address_is_not_found(web: WebProcess, key: str) -> None:
    assert refusal(web, key, query="../other/") == (404, "not_found")


def headers_of(**told: str) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in told.items()]


def test_a_trusted_origin_may_have_another_host(cookie: str) -> None:
    headers = headers_of(Cookie=cookie, Origin="https://logs.example", Host="10.0.0.1:8000")
    with pytest.raises(ApiError):
        require_follower(headers)
    with override_settings(CSRF_TRUSTED_ORIGINS=["https://logs.example"]):
        require_follower(headers)


def test_rights_are_looked_at_again_well_within_a_minute() -> None:
    assert consumer.HEARTBEAT_SECONDS <= 30


def handshake(headers: list[tuple[bytes, bytes]]) -> Any:
    """A connection to this very process, by a server that cannot answer a handshake with an HTTP error."""
    scope = {"type": "websocket", "path": "/ws/live-feed/", "headers": headers, "extensions": {}}
    return ApplicationCommunicator(websocket_application, scope)  # type: ignore[no-untyped-call]


async def served_then_closed(headers: list[tuple[bytes, bytes]], take_rights: Callable[[], object]) -> int:
    """The code with which a follower is closed that is served, and then has its rights taken."""
    follower = handshake(headers)
    await follower.send_input({"type": "websocket.connect"})
    assert (await follower.receive_output(PATIENCE_SECONDS))["type"] == "websocket.accept"
    await follower.send_input({"type": "websocket.receive", "text": '{"type": "subscribe"}'})
    await follower.receive_output(PATIENCE_SECONDS)
    cursor = await in_thread(lambda: record([attempt()]))
    while (message := msgspec.json.decode((await follower.receive_output(PATIENCE_SECONDS))["text"]))[
        "type"
    ] != "changes":
        assert message["type"] == "heartbeat"
    assert message["cursor"] == cursor
    await in_thread(take_rights)
    while (output := await follower.receive_output(PATIENCE_SECONDS))["type"] == "websocket.send":
        assert msgspec.json.decode(output["text"])["type"] == "heartbeat"
    await in_thread(lambda: record([attempt()]))
    assert await follower.receive_nothing(0.3)
    await follower.send_input({"type": "websocket.disconnect", "code": output["code"]})
    await follower.wait(PATIENCE_SECONDS)
    assert output["type"] == "websocket.close"
    return int(output["code"])


async def test_a_revoked_key_is_served_no_longer(key: str, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer, "HEARTBEAT_SECONDS", 0.2)
    headers = headers_of(Authorization=f"Bearer {key}")
    assert await served_then_closed(headers, lambda: revoke_key(key=ApiKey.objects.get())) == 4401


async def test_a_key_that_lost_its_scope_is_served_no_longer(
    key: str, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "HEARTBEAT_SECONDS", 0.2)
    headers = headers_of(Authorization=f"Bearer {key}")
    assert await served_then_closed(headers, lambda: ApiKey.objects.update(scopes=["ingest"])) == 4403


async def test_a_signed_out_user_is_served_no_longer(
    cookie: str, hub: Hub, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "HEARTBEAT_SECONDS", 0.2)
    headers = headers_of(Cookie=cookie, Origin="http://localhost", Host="localhost")
    assert await served_then_closed(headers, client.logout) == 4401


async def test_a_server_that_can_only_close_refuses_with_a_code(hub: Hub) -> None:
    follower = handshake([])
    await follower.send_input({"type": "websocket.connect"})
    assert await follower.receive_output(PATIENCE_SECONDS) == {"type": "websocket.close", "code": 4401}
    await follower.send_input({"type": "websocket.disconnect", "code": 4401})
    await follower.wait(PATIENCE_SECONDS)
