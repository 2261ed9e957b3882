"""GET /api/action-attempts/ and /{id}/: filters, order, errors."""

import uuid
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.test import Client

from access.keys import create_key
from attempts.tests.stored import NOON, set_json, store_attempt, store_attempts, store_steps

pytestmark = pytest.mark.django_db

LIST = "/api/action-attempts/"


@pytest.fixture
def client() -> Client:
    _, token = create_key(name="reader", scopes=["read"])
    return Client(raise_request_exception=False, headers={"Authorization": f"Bearer {token}"})


def types_found(client: Client, **parameters: Any) -> list[str]:
    response = client.get(LIST, parameters)
    assert response.status_code == 200, response.content
    return sorted(row["action_type"] for row in response.json()["results"])


@pytest.mark.parametrize("address", [LIST, LIST[:-1]])
def test_a_list_is_newest_first_and_has_no_steps(client: Client, address: str) -> None:
    ids = [attempt.pk for attempt in store_attempts(*[{"started_at": NOON + timedelta(hours=n)} for n in range(3)])]
    store_steps(ids[0], 1)
    answer = client.get(address).json()
    assert [row["attempt_id"] for row in answer["results"]] == [str(id) for id in reversed(ids)]
    assert answer["next"] is None
    assert answer["next_cursor"] is None
    assert "logs" not in answer["results"][0]


@pytest.mark.parametrize("end", ["/", ""])
def test_one_attempt_comes_with_its_steps_and_every_digit(client: Client, end: str) -> None:
    attempt_id = store_attempt().pk
    store_steps(attempt_id, "first")
    set_json(attempt_id, "result", "12345678901234567890.10")
    response = client.get(f"{LIST}{str(attempt_id).upper()}{end}")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert b'"result":12345678901234567890.10' in response.content
    assert response.json()["logs"][0]["details"] == "first"


def test_an_unknown_attempt_is_404_in_the_one_shape(client: Client) -> None:
    for end in (str(uuid.uuid4()), "not-a-uuid", "1"):
        response = client.get(f"{LIST}{end}/")
        assert response.status_code == 404
        assert response.json()["error"]["code"] == "not_found"


TEXTS = ["incident_id", "action_id", "action_type", "incident_type", "environment", "engine", "target", "trace_id"]


@pytest.mark.parametrize("field", TEXTS)
@pytest.mark.parametrize("value", ["  spaces  ", "ünï/codé?&=", "100%_", "x" * 255])
def test_texts_are_compared_exactly(client: Client, field: str, value: str) -> None:
    wanted = store_attempt(**{field: value}).pk
    store_attempts({}, {field: value.strip()[:-1]})
    found = client.get(f"{LIST}?{urlencode({field: value})}").json()["results"]
    assert [row["attempt_id"] for row in found] == [str(wanted)]


def test_the_empty_action_type_can_be_asked_for(client: Client) -> None:
    store_attempts({"action_type": ""}, {"action_type": "restart"})
    assert types_found(client, action_type="") == [""]


def test_statuses_can_be_repeated_and_abandoned_is_apart(client: Client) -> None:
    store_attempts(
        {"action_type": "untold"},
        {"action_type": "running", "status": "in_progress"},
        {"action_type": "lost", "abandoned_at": NOON},
        {"action_type": "done", "status": "success"},
        {"action_type": "broken", "status": "failed"},
    )
    assert types_found(client, status="in_progress") == ["running", "untold"]
    assert types_found(client, status="abandoned") == ["lost"]
    assert types_found(client, status=["failed", "success"]) == ["broken", "done"]


def test_ids_and_times_filter(client: Client) -> None:
    resolution_id, first = uuid.uuid4(), uuid.uuid4()
    store_attempts(
        {"action_type": "before", "attempt_id": first},
        {"action_type": "at", "started_at": NOON + timedelta(hours=1), "resolution_id": resolution_id},
        {"action_type": "after", "started_at": NOON + timedelta(hours=2), "retry_of": first},
    )
    assert types_found(client, resolution_id=resolution_id) == ["at"]
    assert types_found(client, retry_of=first) == ["after"]
    assert types_found(client, has_resolution="true") == ["at"]
    assert types_found(client, has_resolution="false") == ["after", "before"]
    assert types_found(client, started_after="2026-03-01T13:00:00Z") == ["after", "at"]
    assert types_found(client, started_before="2026-03-01T13:00:00Z") == ["before"]
    assert types_found(client, started_after="2026-03-01T18:30:00+05:30", started_before="2026-03-01T14:00:00Z") == [
        "at"
    ]


@pytest.mark.parametrize("ordering", ["started_at", "-started_at", "received_at", "-received_at"])
def test_orders(client: Client, ordering: str) -> None:
    rows = [
        {"action_type": str(n), "started_at": NOON + timedelta(hours=n), "received_at": NOON - timedelta(hours=n)}
        for n in range(3)
    ]
    store_attempts(*rows)
    found = client.get(LIST, {"ordering": ordering}).json()["results"]
    forward = ordering in ("started_at", "-received_at")
    assert [row["action_type"] for row in found] == (["0", "1", "2"] if forward else ["2", "1", "0"])


NONSENSE = [
    "",
    " ",
    "\x00",
    "\ufffd",
    "9" * 5000,
    "-1",
    "nonsense",
    "[]",
    "{}",
    "null",
    "2026-01-01",
    "'; --",
    "٣",
    "1e9",
]
TYPED = {
    "status": NONSENSE,
    "resolution_id": NONSENSE,
    "retry_of": [*NONSENSE, "{0190d3a5-6c1e-7b43-9f0e-2a1b3c4d5e6f}", "0190d3a5-6c1e-7b43-9f0e-2a1b3c4d5e6"],
    "has_resolution": NONSENSE,
    "started_after": [*NONSENSE, "2026-01-01T00:00:00", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00 00:00", "now"],
    "started_before": [*NONSENSE, "10000-01-01T00:00:00Z", "2026-02-30T00:00:00Z"],
    "limit": [*NONSENSE, "0", "501", "1.0", "+1"],
    "cursor": [*NONSENSE, "bnVsbA:abc", "W10:W10", ":" * 100],
    "ordering": [*NONSENSE, "attempt_id", "started_at,-received_at", "--started_at"],
    "no_such_parameter": ["1"],
    "format": ["json", "xml"],
    "page": ["2"],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in TYPED.items() for value in values])
def test_nonsense_is_refused_with_the_name_of_the_parameter(client: Client, name: str, value: str) -> None:
    response = client.get(f"{LIST}?{urlencode({name: value})}")
    assert response.status_code == 400, response.content
    error = response.json()["error"]
    # A NUL is refused for the whole address before any parameter is read.
    assert error["field"] == (None if "\x00" in value else name)
    assert error["message"]


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("raw", ["%00", "%ff", "a%00b", "%ed%a0%80", "%c3"])
def test_bytes_that_are_no_text_are_refused(client: Client, name: str, raw: str) -> None:
    assert client.get(f"{LIST}?{name}={raw}").status_code == 400


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00Z"])
def test_times_at_the_edge_of_the_calendar_are_no_crash(client: Client, time: str) -> None:
    for name in ("started_after", "started_before"):
        assert client.get(f"{LIST}?{name}={time}").status_code in (200, 400)


def test_a_parameter_told_twice_is_refused(client: Client) -> None:
    response = client.get(f"{LIST}?engine=a&engine=b")
    assert response.status_code == 400
    assert response.json()["error"]["field"] == "engine"


def test_one_attempt_takes_no_parameters(client: Client) -> None:
    response = client.get(f"{LIST}{store_attempt().pk}/?engine=a")
    assert response.status_code == 400
    assert response.json()["error"]["field"] == "engine"


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "*/*", "application/json;indent=4", "nonsense"])
def test_the_answer_is_json_whatever_is_accepted(client: Client, accept: str) -> None:
    response = client.get(LIST, headers={"Accept": accept})
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("address", [LIST, f"{LIST}0190d3a5-6c1e-7b43-9f0e-2a1b3c4d5e6f/"])
def test_reading_needs_a_key_with_scope_read_or_a_user(address: str) -> None:
    anonymous = Client()
    assert anonymous.get(address).status_code == 401
    assert anonymous.get(address).headers["WWW-Authenticate"].startswith("Bearer")
    _, token = create_key(name="engine", scopes=["ingest"])
    assert anonymous.get(address, headers={"Authorization": f"Bearer {token}"}).status_code == 403
    anonymous.force_login(User.objects.create_user("operator"))
    assert anonymous.get(address).status_code in (200, 404)


def test_nothing_is_written_here(client: Client) -> None:
    assert client.delete(f"{LIST}{store_attempt().pk}/").status_code == 405
