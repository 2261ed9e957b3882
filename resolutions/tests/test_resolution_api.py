"""GET /api/resolution-attempts/ and /api/resolution-monitor/: what they answer, and to whom."""

import uuid
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.contrib.auth.models import User
from django.test import Client

from access.keys import create_key
from attempts.tests.stored import NOON, store_attempt, store_attempts, store_steps
from resolutions.tests.stored import store_resolution

pytestmark = pytest.mark.django_db

LIST = "/api/resolution-attempts/"
MONITOR = "/api/resolution-monitor/"
RECENT = "/api/resolution-monitor/recent"
SOME_ID = "0190d3a5-6c1e-7b43-9f0e-2a1b3c4d5e6f"


@pytest.fixture
def client() -> Client:
    _, token = create_key(name="reader", scopes=["read"])
    return Client(raise_request_exception=False, headers={"Authorization": f"Bearer {token}"})


def read(client: Client, address: str, **parameters: Any) -> dict[str, Any]:
    response = client.get(address, parameters)
    assert response.status_code == 200, response.content
    answer: dict[str, Any] = response.json()
    return answer


@pytest.mark.parametrize("end", ["/", ""])
def test_a_list_has_no_action_attempts_and_one_alone_has_all(client: Client, end: str) -> None:
    resolution_id = store_resolution().pk
    store_steps(store_attempt(resolution_id=resolution_id).pk, "step")
    (row,) = read(client, LIST.rstrip("/") + end)["results"]
    assert "action_attempts" not in row
    alone = read(client, f"{LIST}{resolution_id}{end}")
    assert alone["action_attempts"][0]["logs"][0]["details"] == "step"


@pytest.mark.parametrize("ordering", ["started_at", "-started_at", "received_at", "-received_at"])
def test_orders_and_pages(client: Client, ordering: str) -> None:
    for n in range(5):
        store_resolution(title=str(n), started_at=NOON + timedelta(hours=n), received_at=NOON - timedelta(hours=n))
    found: list[str] = []
    following: str | None = f"{LIST}?ordering={ordering}&limit=2"
    while following:
        answer = client.get(following).json()
        found += [row["title"] for row in answer["results"]]
        following = answer["next"]
    assert "".join(found) == ("01234" if ordering in ("started_at", "-received_at") else "43210")


def test_filters(client: Client) -> None:
    store_resolution(title="a", environment="prod", severity="high", service="db", status="resolved")
    store_resolution(title="b", engine="e", started_at=NOON + timedelta(hours=1))
    store_resolution(title="c", abandoned_at=NOON, incident_type="t", incident_id="INC-2")
    cases: list[tuple[dict[str, Any], str]] = [
        ({"environment": "prod"}, "a"),
        ({"severity": "high"}, "a"),
        ({"service": "db"}, "a"),
        ({"engine": "e"}, "b"),
        ({"incident_type": "t"}, "c"),
        ({"incident_id": "INC-2"}, "c"),
        ({"status": "in_progress"}, "b"),
        ({"status": "abandoned"}, "c"),
        ({"status": ["resolved", "abandoned"]}, "ac"),
        ({"started_after": "2026-03-01T13:00:00Z"}, "b"),
        ({"started_before": "2026-03-01T13:00:00Z"}, "ac"),
    ]
    for parameters, expected in cases:
        titles = sorted(row["title"] for row in read(client, LIST, **parameters)["results"])
        assert "".join(titles) == expected, parameters


def test_recent_shows_action_details_only_when_asked(client: Client) -> None:
    store_resolution()
    store_steps(store_attempt(incident_id="loose").pk, 1)
    assert all("action_attempts" not in row for row in read(client, RECENT)["results"])
    sessions = read(client, RECENT, include_action_details="true")["results"]
    assert sorted(len(row["action_attempts"]) for row in sessions) == [0, 1]
    assert all("logs" not in attempt for row in sessions for attempt in row["action_attempts"])


def test_recent_filters_both_kinds_of_sessions(client: Client) -> None:
    store_resolution(environment="prod", status="resolved", engine="e", incident_type="t")
    store_resolution(environment="staging")
    store_attempts(
        {"incident_id": "mixed", "environment": "prod"},
        {"incident_id": "mixed", "environment": "staging"},
        {"incident_id": "other", "engine": "e", "incident_type": "t"},
    )
    prod = read(client, RECENT, environment="prod", include_action_details="true")["results"]
    assert sorted(row["incident_id"] for row in prod) == ["INC-1", "mixed"]
    assert [len(row["action_attempts"]) for row in prod if row["implicit"]] == [1]
    assert sorted(row["incident_id"] for row in read(client, RECENT, engine="e")["results"]) == ["INC-1", "other"]
    assert sorted(row["incident_id"] for row in read(client, RECENT, incident_type="t")["results"]) == [
        "INC-1",
        "other",
    ]
    assert [row["status"] for row in read(client, RECENT, status="resolved")["results"]] == ["resolved"]


def test_recent_pages_over_both_kinds(client: Client) -> None:
    for n in range(4):
        store_resolution(incident_id=f"told {n}", started_at=NOON + timedelta(hours=2 * n))
        store_attempt(incident_id=f"loose {n}", started_at=NOON + timedelta(hours=2 * n + 1))
    found: list[str] = []
    following: str | None = f"{RECENT}/?limit=3"
    while following:
        answer = client.get(following).json()
        found += [row["incident_id"] for row in answer["results"]]
        following = answer["next"]
    assert found == [f"{kind} {n}" for n in (3, 2, 1, 0) for kind in ("loose", "told")]


ODD_IDS = [
    "a/b",
    "a//b/c",
    "with space",
    " leading",
    "ünïcödé 事故",
    "100%",
    "%2F",
    "a?b#c&d=e+f",
    "line\nbreak\n",
    "x" * 255,
    "recently",
    "recent/x",
    "metrics2",
    "'; DROP TABLE feed; --",
    ".",
    "..",
    "\\",
    "<script>",
]


@pytest.mark.parametrize("end", ["", "/"])
@pytest.mark.parametrize("incident_id", ODD_IDS)
def test_any_incident_can_be_read_by_its_address(client: Client, incident_id: str, end: str) -> None:
    store_steps(store_attempt(incident_id=incident_id).pk, "step")
    answer = read(client, f"{MONITOR}{quote(incident_id, safe='')}{end}")
    assert answer["incident_id"] == incident_id
    assert answer["resolution_attempts"][0]["action_attempts"][0]["logs"][0]["details"] == "step"


@pytest.mark.parametrize("incident_id", [*ODD_IDS, "recent", "metrics", "live-feed", "/a/", "a/", "/"])
@pytest.mark.parametrize("address", [MONITOR, MONITOR.rstrip("/")])
def test_any_incident_can_be_read_by_parameter(client: Client, address: str, incident_id: str) -> None:
    store_attempt(incident_id=incident_id)
    assert read(client, address, incident_id=incident_id)["incident_id"] == incident_id


def test_an_unknown_incident_is_404_and_none_at_all_is_400(client: Client) -> None:
    for address in (f"{MONITOR}unheard-of", f"{MONITOR}?incident_id=unheard-of"):
        response = client.get(address)
        assert response.status_code == 404
        assert response.json()["error"]["code"] == "not_found"
    for address in (MONITOR, f"{MONITOR}?incident_id="):
        response = client.get(address)
        assert response.status_code == 400
        assert response.json()["error"]["field"] == "incident_id"


def test_an_unknown_resolution_is_404(client: Client) -> None:
    for end in (str(uuid.uuid4()), "nonsense"):
        assert client.get(f"{LIST}{end}/").status_code == 404


NONSENSE = ["", " ", "\ufffd", "9" * 5000, "nonsense", "[]", "-1", "1e9", "2026-01-01T00:00:00"]


@pytest.mark.parametrize(
    ("address", "name"),
    [
        *[(LIST, name) for name in ("status", "severity", "started_after", "started_before", "limit", "cursor")],
        *[(LIST, name) for name in ("ordering", "no_such_parameter", "include_action_details")],
        *[
            (RECENT, name)
            for name in ("status", "limit", "cursor", "include_action_details", "ordering", "incident_id")
        ],
        (f"{LIST}{SOME_ID}/", "include_action_details"),
        (f"{MONITOR}INC-1", "limit"),
        (MONITOR, "limit"),
    ],
)
def test_nonsense_is_refused_with_the_name_of_the_parameter(client: Client, address: str, name: str) -> None:
    for value in NONSENSE:
        response = client.get(f"{address}?{urlencode({name: value})}")
        assert response.status_code == 400, (value, response.content)
        assert response.json()["error"]["field"] == name


@pytest.mark.parametrize("raw", ["%00", "%ff", "a%00", "%ed%a0%80"])
def test_bytes_that_are_no_text_are_refused(client: Client, raw: str) -> None:
    for address in (f"{MONITOR}?incident_id={raw}", f"{RECENT}?engine={raw}", f"{LIST}?service={raw}"):
        assert client.get(address).status_code == 400, address
    if "%00" in raw:  # Django's test client replaces bytes that are not UTF-8 in a path before anyone sees them.
        assert client.get(f"{MONITOR}{raw}").status_code == 400


ADDRESSES = [LIST, f"{LIST}{SOME_ID}/", RECENT, f"{MONITOR}INC-1", f"{MONITOR}?incident_id=INC-1"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_reading_needs_a_key_with_scope_read_or_a_user(address: str) -> None:
    anonymous = Client()
    assert anonymous.get(address).status_code == 401
    _, token = create_key(name="engine", scopes=["ingest"])
    assert anonymous.get(address, headers={"Authorization": f"Bearer {token}"}).status_code == 403
    anonymous.force_login(User.objects.create_user("operator"))
    assert anonymous.get(address).status_code in (200, 404)


@pytest.mark.parametrize("address", [RECENT, f"{MONITOR}INC-1", MONITOR, f"{LIST}{SOME_ID}/"])
def test_nothing_is_written_here(client: Client, address: str) -> None:
    for method in (client.post, client.put, client.patch, client.delete):
        assert method(address).status_code == 405
