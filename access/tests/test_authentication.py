"""The doors of the API: which credentials open them, and what is said to the others."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from access.authentication import credentials_from_headers, key_from_headers
from access.errors import ApiError
from access.keys import create_key, revoke_key
from access.permissions import require_scope

pytestmark = [pytest.mark.django_db, pytest.mark.urls("access.tests.urls")]

Bearer = Callable[..., dict[str, str]]


def test_a_key_with_scope_read_reads(client: Client, bearer: Bearer) -> None:
    answer = client.get("/api/echo/", headers=bearer("read"))
    assert (answer.status_code, answer.json()) == (200, {"key": "test", "user": "API key test"})


def test_a_signed_in_user_reads(client: Client, operator: User) -> None:
    client.force_login(operator)
    assert client.get("/api/echo/").json() == {"key": None, "user": "operator"}


def test_the_scheme_is_told_in_any_case(client: Client, bearer: Bearer) -> None:
    headers = {"Authorization": bearer("read")["Authorization"].replace("Bearer", "bearer")}
    assert client.get("/api/echo/", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic b3BlcmF0b3I6eA=="},
        {"Authorization": "Token alk_unknown"},
        {"Authorization": "alk_unknown"},
        {"Authorization": "Bearer alk_unknown"},
        {"Authorization": "Bearer two words"},
        {"Authorization": "Bearer \u00e9"},
        {"Authorization": "Bearer " + "x" * 10_000},
    ],
)
def test_without_an_acceptable_key_the_answer_is_401(client: Client, headers: dict[str, str]) -> None:
    answer = client.get("/api/echo/", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="actionlog"'
    assert answer.json()["error"]["code"] == "unauthorized"
    assert "Bearer KEY" in answer.json()["error"]["message"] or "Ask an operator" in answer.json()["error"]["message"]


def test_a_revoked_key_is_401(client: Client) -> None:
    row, token = create_key(name="old", scopes=["read"])
    revoke_key(key=row)
    answer = client.get("/api/echo/", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="actionlog"'


def test_a_bad_key_is_401_also_for_a_signed_in_user(client: Client, operator: User) -> None:
    client.force_login(operator)
    assert client.get("/api/echo/", headers={"Authorization": "Bearer alk_unknown"}).status_code == 401


def test_a_key_without_the_scope_is_403_and_told_which(client: Client, bearer: Bearer) -> None:
    answer = client.get("/api/echo/", headers=bearer("ingest"))
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "forbidden"
    assert '"read"' in answer.json()["error"]["message"]


def test_a_user_made_inactive_is_401(client: Client, operator: User) -> None:
    client.force_login(operator)
    User.objects.update(is_active=False)
    assert client.get("/api/echo/").status_code == 401


def test_a_view_that_does_not_say_who_may_change_is_closed_to_changes(
    client: Client, bearer: Bearer, operator: User
) -> None:
    assert client.get("/api/changing/", headers=bearer("read")).status_code == 200
    assert client.post("/api/changing/", headers=bearer("read", "ingest")).status_code == 403
    client.force_login(operator)
    assert client.post("/api/changing/").status_code == 403


def test_a_method_that_the_view_has_not_is_405(client: Client, bearer: Bearer) -> None:
    answer = client.post("/api/echo/", headers=bearer("read"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]


def test_the_session_of_a_user_needs_the_csrf_token_to_change_anything(operator: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(operator)
    answer = client.post("/api/changing/")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
    assert "CSRF" in answer.json()["error"]["message"]


def test_options_tells_a_reader_what_a_view_does(client: Client, bearer: Bearer) -> None:
    assert client.options("/api/changing/", headers=bearer("read")).status_code == 200


def test_asgi_headers_without_authorization_hold_no_credentials() -> None:
    assert credentials_from_headers([(b"host", b"localhost")]) is None
    assert key_from_headers([]) is None


def test_asgi_headers_name_the_key() -> None:
    row, token = create_key(name="engine", scopes=["ingest"], engine="healer")
    key = key_from_headers([(b"Authorization", f"Bearer {token}".encode())])
    assert key is not None
    assert (key.id, key.engine) == (row.pk, "healer")


@pytest.mark.parametrize(
    "headers",
    [
        [(b"authorization", b"")],
        [(b"authorization", b"Basic x")],
        [(b"authorization", b"Bearer \xff\xfe")],
        [(b"authorization", b"Bearer a"), (b"authorization", b"Bearer b")],
    ],
)
def test_malformed_asgi_headers_are_401(headers: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(ApiError) as raised:
        credentials_from_headers(headers)
    assert raised.value.status == 401
    assert "WWW-Authenticate" in raised.value.headers


def test_an_unknown_key_in_asgi_headers_is_401() -> None:
    with pytest.raises(ApiError) as raised:
        key_from_headers([(b"authorization", b"Bearer alk_unknown")])
    assert raised.value.status == 401


def test_require_scope_names_the_scope() -> None:
    create_key(name="reader", scopes=["read"])
    _, token = create_key(name="reader", scopes=["read"])
    key = key_from_headers([(b"authorization", f"Bearer {token}".encode())])
    assert key is not None
    require_scope(key, "read")
    with pytest.raises(ApiError, match='"ingest"') as raised:
        require_scope(key, "ingest")
    assert (raised.value.status, raised.value.code) == (403, "forbidden")


def test_the_schema_shows_both_ways_in(client: Client, bearer: Bearer) -> None:
    schema = client.get("/api/schema/?format=json", headers=bearer("read")).json()
    assert schema["components"]["securitySchemes"]["apiKey"]["scheme"] == "bearer"
    assert schema["components"]["securitySchemes"]["cookieAuth"]["in"] == "cookie"
    assert schema["paths"]["/api/echo/"]["get"]["security"] == [{"apiKey": []}, {"cookieAuth": []}]
    assert schema["components"]["schemas"]["Error"]["required"] == ["error"]
