"""Every error has one shape, whichever part of the site it comes from."""

from typing import Any

import pytest
from django.test import AsyncClient, Client
from rest_framework import exceptions

from access.errors import as_api_error

pytestmark = [pytest.mark.django_db, pytest.mark.urls("access.tests.urls")]

ENDINGS = [
    ("lost", 503, "unavailable"),
    ("read-only", 503, "unavailable"),
    ("out-of-range", 400, "invalid"),
    ("denied", 403, "forbidden"),
    ("suspicious", 400, "invalid"),
    ("bug", 500, "internal"),
    ("api-error", 409, "conflict"),
]


def error_of(answer: Any) -> dict[str, Any]:
    body = answer.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "field", "path"}
    assert answer.headers["Content-Type"].startswith("application/json")
    error: dict[str, Any] = body["error"]
    return error


@pytest.mark.parametrize("door", ["/api/failing/", "/api/plain/"])
@pytest.mark.parametrize(("how", "status", "code"), ENDINGS)
def test_api_errors_have_one_shape(client: Client, door: str, how: str, status: int, code: str) -> None:
    answer = client.get(f"{door}{how}/")
    assert (answer.status_code, error_of(answer)["code"]) == (status, code)
    assert "a secret of ours" not in answer.content.decode()
    assert answer.headers.get("Retry-After") == ("1" if status == 503 else None)


@pytest.mark.parametrize(("how", "status", "code"), ENDINGS)
def test_errors_of_pages_are_pages(client: Client, how: str, status: int, code: str) -> None:
    answer = client.get(f"/failing/{how}/")
    assert answer.status_code == status
    assert "<h1>" in answer.content.decode()
    assert "a secret of ours" not in answer.content.decode()
    assert answer.headers.get("Retry-After") == ("1" if status == 503 else None)


def test_the_page_of_a_lost_database_needs_no_database(client: Client, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert client.get("/failing/lost/").status_code == 503


@pytest.mark.parametrize("address", ["/api/plain/none/", "/failing/none/"])
def test_a_database_lost_outside_the_view_is_503(client: Client, settings: Any, address: str) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "access.tests.lost_database.losing_middleware"]
    answer = client.get(address)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


# Not those that ask the database: they would leave their connection open in the handler's thread.
@pytest.mark.parametrize(
    ("how", "status", "code"), [ending for ending in ENDINGS if ending[0] not in {"out-of-range", "read-only"}]
)
async def test_the_asgi_handler_answers_the_same(how: str, status: int, code: str) -> None:
    client = AsyncClient(raise_request_exception=False)
    for door in ("/api/failing/", "/api/plain/"):
        answer = await client.get(f"{door}{how}/")
        assert (answer.status_code, error_of(answer)["code"]) == (status, code)


def test_an_unknown_address_is_404(client: Client) -> None:
    api, page = client.get("/api/nowhere/"), client.get("/nowhere/")
    assert (api.status_code, error_of(api)["code"]) == (404, "not_found")
    assert page.status_code == 404
    assert "<h1>" in page.content.decode()


def test_an_unknown_host_is_400(client: Client) -> None:
    answer = client.get("/api/echo/", headers={"Host": "evil.example"})
    assert (answer.status_code, error_of(answer)["code"]) == (400, "invalid")


def test_a_conflict_names_field_and_path(client: Client) -> None:
    error = error_of(client.get("/api/failing/api-error/"))
    assert (error["field"], error["path"]) == ("status", "action_attempts[1].status")


def test_a_django_validation_error_names_its_field(client: Client) -> None:
    error = error_of(client.get("/api/failing/invalid/"))
    assert (error["field"], error["path"], error["message"]) == ("window", "window", "window: Not a duration.")


def test_a_throttled_request_is_told_when_to_come_again(client: Client) -> None:
    answer = client.get("/api/failing/throttled/")
    assert (answer.status_code, error_of(answer)["code"], answer.headers["Retry-After"]) == (429, "throttled", "3")


@pytest.mark.parametrize(
    ("sent", "field", "path"),
    [
        ({"logs": []}, "started_at", "started_at"),
        (
            {"started_at": "2026-01-01T00:00:00Z", "logs": [{"sequence": 0}, {"sequence": "x"}]},
            "sequence",
            "logs[1].sequence",
        ),
        ({"started_at": "2026-01-01T00:00:00Z", "logs": [], "weights": [1, "x"]}, "weights", "weights[1]"),
        ({"started_at": "2026-01-01T00:00:00Z", "logs": []}, None, None),
        ([], None, None),
    ],
)
def test_the_first_fault_decides_field_and_path(client: Client, sent: Any, field: str | None, path: str | None) -> None:
    answer = client.post("/api/validating/", sent, content_type="application/json")
    error = error_of(answer)
    assert (answer.status_code, error["code"], error["field"], error["path"]) == (400, "invalid", field, path)
    assert error["message"]


def test_faults_told_as_a_list_with_an_entry_an_item_name_their_position() -> None:
    error = as_api_error(exceptions.ValidationError({"logs": [{}, {"sequence": ["Not a number."]}]}))
    assert error is not None
    assert (error.field, error.path) == ("sequence", "logs[1].sequence")


def test_the_message_names_every_fault(client: Client) -> None:
    answer = client.post("/api/validating/", {"logs": [{"sequence": "x"}]}, content_type="application/json")
    message = error_of(answer)["message"]
    assert "started_at: " in message
    assert "logs[0].sequence: " in message


def test_malformed_json_is_400(client: Client) -> None:
    answer = client.post("/api/validating/", "{", content_type="application/json")
    assert (answer.status_code, error_of(answer)["code"]) == (400, "invalid")


def test_an_unknown_content_type_is_415(client: Client) -> None:
    answer = client.post("/api/validating/", "x", content_type="text/csv")
    assert (answer.status_code, error_of(answer)["code"]) == (415, "unsupported_media_type")


def test_a_body_that_is_too_large_is_413(client: Client, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    answer = client.post("/api/validating/", "name=" + "x" * 100, content_type="application/x-www-form-urlencoded")
    assert (answer.status_code, error_of(answer)["code"]) == (413, "too_large")


def test_a_format_that_we_do_not_write_is_406(client: Client) -> None:
    answer = client.get("/api/failing/none/", headers={"Accept": "text/csv"})
    assert (answer.status_code, error_of(answer)["code"]) == (406, "not_acceptable")
