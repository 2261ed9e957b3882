"""GET /api/resolution-monitor/{incident_id}/timeline, on incidents recorded through the real path."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from access.keys import create_key
from actionlog_site.asgi import django_application
from analytics.timeline import queries
from attempts.models import ActionAttempt
from resolutions.door.application import WriteDoor
from resolutions.models import ResolutionAttempt, Verdict
from resolutions.tests.recorded import attempt, record, resolution

pytestmark = pytest.mark.django_db

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
MONITOR = "/api/resolution-monitor"


def at(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(User.objects.create_user("operator"))
    return client


def told(client: Client, incident_id: str = "INC-1", **parameters: Any) -> Any:
    answer = client.get(f"{MONITOR}/{quote(incident_id, safe='')}/timeline", parameters)
    assert answer.status_code == 200, answer.content
    return answer.json()


def outline(answer: Any) -> list[tuple[float, str]]:
    return [
        ((datetime.fromisoformat(entry["at"]) - START).total_seconds(), entry["kind"]) for entry in answer["entries"]
    ]


def an_incident() -> tuple[str, str, str, str]:
    """Two attempts that overlap, a pause, a retry, and a resolution; the ids of session and attempts."""
    session, first, second, third = (str(uuid.uuid4()) for _ in range(4))
    record(
        [
            attempt(
                attempt_id=first,
                action_id="a",
                resolution_id=session,
                started_at=at(10),
                completed_at=at(30),
                status="failed",
                error_type="timeout",
                logs=[
                    {"sequence": 0, "step": "check", "status": "done", "timestamp": at(11)},
                    {"sequence": 1, "step": "no time"},
                    {"sequence": 2, "step": "restart", "timestamp": at(20)},
                ],
            ),
            attempt(attempt_id=second, resolution_id=session, started_at=at(25), completed_at=at(40), status="success"),
            attempt(
                attempt_id=third,
                action_id="a",
                resolution_id=session,
                started_at=at(70),
                completed_at=at(80),
                status="success",
                retry_of=first,
                engine="helper",
            ),
            attempt(resolution_id=session, status="skipped", started_at=at(81), completed_at=at(81)),
        ],
        [
            resolution(
                resolution_id=session, started_at=at(0), completed_at=at(81.5), status="resolved", engine="healer"
            )
        ],
    )
    return session, first, second, third


def test_the_account_of_an_incident(client: Client) -> None:
    session, first, second, third = an_incident()
    Verdict.objects.create(
        attempt_id=third,
        verdict="worked",
        source="human",
        given_at=START + timedelta(seconds=100),
        given_by="ann",
        note="seen",
        received_at=START,
    )
    later = uuid.uuid4()
    ResolutionAttempt.objects.filter(pk=session).update(reopened_by=later, reopened_at=START + timedelta(seconds=200))
    answer = told(client)
    assert outline(answer) == [
        (0, "resolution_started"),
        (0, "pause"),
        (10, "attempt_started"),
        (11, "step"),
        (11, "step"),
        (20, "step"),
        (25, "attempt_started"),
        (25, "overlap"),
        (30, "attempt_ended"),
        (40, "attempt_ended"),
        (40, "pause"),
        (70, "attempt_started"),
        (80, "attempt_ended"),
        (80, "pause"),
        (81, "attempt_ended"),
        (81.5, "resolution_ended"),
        (100, "verdict"),
        (200, "resolution_reopened"),
    ]
    entries = answer["entries"]
    overlap = entries[7]
    assert overlap == {
        "at": at(25),
        "kind": "overlap",
        "until": at(30),
        "seconds": 5,
        "attempts": 2,
        "attempt_ids": [first, second],
    }
    assert (entries[8]["status"], entries[8]["error_type"], entries[8]["seconds"]) == ("failed", "timeout", 20)
    assert (entries[4]["step"], entries[4]["timestamp"]) == ("no time", None)
    assert (entries[10]["seconds"], entries[10]["until"]) == (30, at(70))
    assert entries[11]["retry_of"] == first
    assert entries[14]["status"] == "skipped"
    assert (entries[16]["verdict"], entries[16]["given_by"], entries[16]["attempt_id"]) == ("worked", "ann", third)
    assert (entries[17]["resolution_id"], entries[17]["reopened_by"]) == (session, str(later))
    assert answer["tracking"] == {
        "first_started_at": at(0),
        "last_resolved_at": at(81.5),
        "time_to_resolution_seconds": 81.5,
        "status": "resolved",
        "is_open": False,
        "escalated": False,
        "reopened": 1,
        "resolution_attempts": 1,
        "attempts": 4,
        "retries": 1,
        "engines": ["healer", "helper"],
    }
    assert (answer["complete"], answer["thrash"], answer["next"]) == (True, [], None)


def test_pages_join_without_a_hole_whatever_their_size(client: Client) -> None:
    an_incident()
    whole = told(client)["entries"]
    for limit in (1, 4, 17, 18):
        page = told(client, limit=limit)
        joined = page["entries"]
        while page["next"]:
            assert len(page["entries"]) == limit
            page = client.get(page["next"]).json()
            joined += page["entries"]
        assert joined == whole


def test_what_runs_still_has_no_end_and_a_pause_that_lasts_is_told(client: Client) -> None:
    now = timezone.now()
    begun, waits, silent = (str(uuid.uuid4()) for _ in range(3))
    ago = (now - timedelta(minutes=10)).isoformat()
    record(
        [
            attempt(attempt_id=begun, started_at=ago),
            attempt(attempt_id=waits, status="pending", started_at=ago),
            attempt(attempt_id=silent, incident_id="INC-2", started_at=ago),
        ],
        [resolution(started_at=ago), resolution(incident_id="INC-2", started_at=ago)],
    )
    ActionAttempt.objects.filter(pk=silent).update(abandoned_at=now, last_heard_at=now - timedelta(minutes=5))
    assert [kind for _, kind in outline(told(client))] == ["resolution_started", "attempt_planned", "attempt_started"]
    assert told(client)["tracking"]["is_open"] is True
    other = told(client, "INC-2")["entries"]
    assert [entry["kind"] for entry in other] == [
        "resolution_started",
        "attempt_started",
        "attempt_lost_contact",
        "pause",
    ]
    assert "until" not in other[3]
    assert 299 < other[3]["seconds"] < 330


@sync_to_async
def _key() -> str:
    _, token = create_key(name="engine", scopes=["ingest", "read"])
    # This is another thread than the test's, and an open connection of it would keep the test database alive.
    connection.close()
    return token


@pytest.mark.django_db(transaction=True)
async def test_planted_thrash_is_found_through_the_doors() -> None:
    same = {"action_type": "restart_pool", "target": "db-1", "environment": "production", "engine": "healer"}
    failures = [
        attempt(
            **same,
            parameters={"size": size, "mode": "hard"},
            started_at=at(60 * minute),
            completed_at=at(60 * minute + 30),
            status="failed",
        )
        for minute, size in ((0, 5), (4, 5.0), (8, 5), (12, 5), (9, 6))
    ]
    overlapping = [
        attempt(incident_id="INC-2", **same | {"engine": engine}, started_at=at(start), completed_at=at(start + 60))
        for engine, start in (("healer", 0), ("helper", 30))
    ]
    door = WriteDoor(django_application)  # type: ignore[arg-type]
    headers = {"Authorization": f"Bearer {await _key()}"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(door), base_url="http://localhost", headers=headers
    ) as http:
        stored = await http.post("/api/ingest/", json={"action_attempts": failures + overlapping})
        assert stored.status_code == 200, stored.content
        [repeated] = (await http.get(f"{MONITOR}/INC-1/timeline")).json()["thrash"]
        [meeting] = (await http.get(f"{MONITOR}/INC-2/timeline")).json()["thrash"]
    await door.close()
    assert (repeated["kind"], repeated["action_type"], repeated["target"]) == (
        "repeated_failure",
        "restart_pool",
        "db-1",
    )
    assert repeated["attempt_ids"] == [one["attempt_id"] for one in failures[:4]]
    assert (meeting["kind"], meeting["engines"]) == ("overlapping_engines", ["healer", "helper"])


@pytest.mark.parametrize(
    ("first", "last", "seconds"),
    [
        ({"started_at": at(0)}, {"started_at": at(60), "completed_at": at(90)}, 90),
        ({}, {"started_at": at(60), "completed_at": at(90)}, 30),
        ({"started_at": at(0)}, {"started_at": at(60)}, None),
        ({"started_at": at(0)}, {"completed_at": at(-9)}, None),
    ],
)
def test_the_time_to_resolution_is_that_of_the_statistics(
    client: Client, first: dict[str, Any], last: dict[str, Any], seconds: float | None
) -> None:
    record([], [resolution(**first, status="failed"), resolution(**last, status="resolved")])
    assert told(client)["tracking"]["time_to_resolution_seconds"] == seconds
    window = {"start": at(-86400), "end": (timezone.now() + timedelta(hours=1)).isoformat(), "bucket": "week"}
    found = client.get("/api/statistics/incidents/", window).json()["total"]
    assert (found["closed"], found["time_to_resolution"]["mean"]) == (1, seconds)


def test_an_incident_with_more_than_is_read_says_so(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "MOST_ATTEMPTS", 2)
    record([attempt(started_at=at(second), status="success", completed_at=at(second)) for second in range(4)])
    answer = told(client)
    assert answer["complete"] is False
    assert answer["tracking"]["attempts"] == 4
    assert [second for second, _ in outline(answer)] == [0, 0, 0, 1, 1]
    monkeypatch.undo()
    assert told(client)["complete"] is True
    session = str(uuid.uuid4())
    record([], [resolution(resolution_id=session, started_at=at(0))])
    monkeypatch.setattr(queries, "MOST_VERDICTS", 0)
    Verdict.objects.create(
        verdict_id=uuid.uuid4(),
        resolution_id=session,
        verdict="worked",
        source="check",
        given_at=START,
        given_by="x",
        note="",
        received_at=START,
    )
    assert told(client)["complete"] is False
    monkeypatch.setattr(queries, "MOST_ATTEMPTS", 2)
    latest = queries.incident_rows("INC-1", latest=True).attempts
    assert [row.detail.effective_started_at for row in latest] == [START + timedelta(seconds=n) for n in (2, 3)]


ODD = ["INC/2041 ü", "recent", "metrics", "timeline", "a/timeline", "/leading", "a\nb", "..", "100%25", "'\"<x>"]


@pytest.mark.parametrize("incident_id", ODD)
def test_odd_ids_are_reached_by_parameter_and_their_details_too(client: Client, incident_id: str) -> None:
    record([attempt(incident_id=incident_id, started_at=at(0))])
    for address in (f"{MONITOR}/timeline", f"{MONITOR}/timeline/"):
        found = client.get(address, {"incident_id": incident_id}).json()
        assert (found["incident_id"], len(found["entries"])) == (incident_id, 1)
    assert client.get(f"{MONITOR}/", {"incident_id": incident_id}).json()["incident_id"] == incident_id


@pytest.mark.parametrize("incident_id", [each for each in ODD if each not in ("..", "/leading")])
@pytest.mark.parametrize("slash", ["", "/"])
def test_odd_ids_in_the_address(client: Client, incident_id: str, slash: str) -> None:
    record([attempt(incident_id=incident_id, started_at=at(0))])
    found = client.get(f"{MONITOR}/{quote(incident_id, safe='')}/timeline{slash}").json()
    assert found["incident_id"] == incident_id


def test_an_id_that_holds_the_word_elsewhere_is_read_as_before(client: Client) -> None:
    for incident_id in ("timeline-1", "timeline/1", "my-timeline"):
        record([attempt(incident_id=incident_id)])
        assert client.get(f"{MONITOR}/{incident_id}").json()["incident_id"] == incident_id


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "2001"}, "limit"),
        ({"limit": "9" * 5000}, "limit"),
        ({"limit": "\u0661"}, "limit"),
        ({"cursor": "x"}, "cursor"),
        ({"cursor": ""}, "cursor"),
        ({"no_such": "1"}, "no_such"),
    ],
)
def test_bad_parameters_are_named(client: Client, parameters: dict[str, str], field: str) -> None:
    record([attempt()])
    for address, more in ((f"{MONITOR}/INC-1/timeline", {}), (f"{MONITOR}/timeline", {"incident_id": "INC-1"})):
        answer = client.get(address, parameters | more)
        assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)


def test_a_cursor_of_another_incident_is_refused(client: Client) -> None:
    record([attempt(started_at=at(0), status="success", completed_at=at(1)), attempt(incident_id="INC-2")])
    cursor = told(client, limit=1)["next_cursor"]
    answer = client.get(f"{MONITOR}/INC-2/timeline", {"cursor": cursor})
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "cursor")


def test_what_is_unknown_is_404_and_strangers_are_refused(client: Client) -> None:
    record([attempt()])
    assert client.get(f"{MONITOR}/unheard-of/timeline").status_code == 404
    assert client.get(f"{MONITOR}/timeline").status_code == 400
    assert client.get(f"{MONITOR}/x%00y/timeline").status_code == 400
    assert client.get(f"{MONITOR}/timeline?incident_id=%ED%A0%80").status_code == 400
    address = f"{MONITOR}/INC-1/timeline"
    assert Client().get(address).status_code == 401
    _, token = create_key(name="engine", scopes=["ingest"])
    assert Client().get(address, headers={"Authorization": f"Bearer {token}"}).status_code == 403


def test_queries_do_not_grow_with_rows(client: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    an_incident()
    told(client)
    with django_assert_num_queries(11):  # savepoints and the session's three are among them
        told(client)
    for number in range(5):
        record([attempt(action_id=f"more-{number}", logs=[{"sequence": 0}], status="failed")], [resolution()])
    with django_assert_num_queries(11):
        told(client)


def test_very_long_texts_are_cut_and_large_parameters_are_not_compared(client: Client) -> None:
    large = {"script": uuid.uuid4().hex * 1000}
    record(
        [
            attempt(
                started_at=at(second),
                completed_at=at(second + 1),
                status="failed",
                error_message="é" * 5000,
                parameters=large,
                logs=[{"sequence": 0, "step": "s" * 5000}],
            )
            for second in range(3)
        ]
    )
    answer = told(client)
    assert {len(entry["error_message"]) for entry in answer["entries"] if entry["kind"] == "attempt_ended"} == {1003}
    assert {len(entry["step"]) for entry in answer["entries"] if entry["kind"] == "step"} == {1003}
    assert answer["thrash"] == []
