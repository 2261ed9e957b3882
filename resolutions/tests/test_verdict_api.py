"""POST and GET .../verdicts/ and GET /api/verdicts/: what they answer, and to whom."""

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from access.groups import OPERATORS
from access.keys import create_key
from attempts.tests.factories import make_attempt
from resolutions.models import ResolutionAttempt, Verdict
from resolutions.tests.factories import make_resolution, make_verdict
from resolutions.tests.recorded import record, resolution
from resolutions.verdicts.documents import MAX_NOTE

pytestmark = pytest.mark.django_db


def with_key(*scopes: str, engine: str | None = None) -> Client:
    _, token = create_key(name="checker", scopes=scopes, engine=engine)
    return Client(raise_request_exception=False, headers={"Authorization": f"Bearer {token}"})


@pytest.fixture
def client() -> Client:
    return with_key("ingest", "read")


def operator(*groups: str, **options: Any) -> Client:
    user = User.objects.create_user(f"ada-{uuid.uuid4().hex[:6]}")
    user.groups.add(*Group.objects.filter(name__in=groups))
    client = Client(raise_request_exception=False, **options)
    client.force_login(user)
    return client


def on_attempt() -> str:
    return f"/api/action-attempts/{make_attempt(status='success').pk}/verdicts/"


def post(client: Client, address: str, body: Any = None, **headers: str) -> Any:
    content = body if isinstance(body, bytes | str) else json.dumps(body or {"verdict": "worked"})
    return client.post(address, content, content_type="application/json", headers=headers)


@pytest.mark.parametrize("slash", ["/", ""])
@pytest.mark.parametrize("kind", ["action", "resolution"])
def test_a_verdict_is_taken_read_and_beside_what_was_claimed(client: Client, kind: str, slash: str) -> None:
    row = make_attempt(status="success") if kind == "action" else make_resolution(status="resolved")
    address = f"/api/{kind}-attempts/{row.pk}/verdicts{slash}"
    answer = post(client, address, {"verdict": "no_effect", "note": "still slow"})
    assert answer.status_code == 201
    given = answer.json()
    assert given["outcome"] == "created"
    assert given["verdict"]["source"] == "check"
    assert given["verdict"]["given_by"] == "checker"
    assert client.get(address).json()["results"] == [given["verdict"]]
    assert client.get("/api/verdicts/").json()["results"] == [given["verdict"]]
    read = client.get(f"/api/{kind}-attempts/{row.pk}/").json()
    assert (read["status"], read["verdict"]) == (row.status, "no_effect")


def test_who_may(client: Client) -> None:
    address = on_attempt()
    nobody = Client(raise_request_exception=False)
    for refused, status in [
        (nobody, 401),
        (with_key("read"), 403),
        (operator(), 403),
        (operator("investigators"), 403),
        (with_key("ingest", engine="another"), 403),
    ]:
        answer = post(refused, address)
        assert answer.status_code == status
        assert answer.json()["error"]["message"]
    assert not Verdict.objects.exists()
    answer = post(operator(OPERATORS), address)
    assert (answer.status_code, answer.json()["verdict"]["source"]) == (201, "human")
    assert answer.json()["verdict"]["given_by"].startswith("ada-")
    assert nobody.get(address).status_code == 401
    assert with_key("ingest").get(address).status_code == 403
    assert operator().get(address).status_code == 200


def test_a_session_needs_its_csrf_token() -> None:
    strict = operator(OPERATORS, enforce_csrf_checks=True)
    address = on_attempt()
    assert post(strict, address).status_code == 403
    for form in ("multipart/form-data; boundary=x", "application/x-www-form-urlencoded"):
        assert strict.post(address, b"--x--", content_type=form).status_code == 403
    strict.get("/incidents/")
    token = strict.cookies["csrftoken"].value if "csrftoken" in strict.cookies else ""
    assert post(strict, address, **{"X-CSRFToken": token}).status_code == 201


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 400, "verdict"),
        ({"verdict": None}, 400, "verdict"),
        ({"verdict": "fine"}, 400, "verdict"),
        ({"verdict": "worked\0"}, 400, "verdict"),
        ({"verdict": 10**400}, 400, "verdict"),
        ({"verdict": "worked", "colour": 1}, 400, "colour"),
        ({"verdict": "worked", "given_by": "somebody else"}, 400, "given_by"),
        ({"verdict": "worked", "verdict_id": "1"}, 400, "verdict_id"),
        ({"verdict": "worked", "source": "engine"}, 400, "source"),
        ({"verdict": "worked", "source": "human"}, 403, "source"),
        ({"verdict": "worked", "given_at": "2026-03-01T12:00:00"}, 400, "given_at"),
        ({"verdict": "worked", "given_at": "0001-01-01T00:00:00+14:00"}, 400, "given_at"),
        ({"verdict": "worked", "given_at": "2199-01-01T00:00:00Z"}, 400, "given_at"),
        ({"verdict": "worked", "given_at": 10**30}, 400, "given_at"),
        ({"verdict": "worked", "note": 1}, 400, "note"),
        ({"verdict": "worked", "note": "x" * (MAX_NOTE + 1)}, 400, "note"),
        ({"verdict": "worked", "note": "Bearer abcdefgh " * (MAX_NOTE // 16)}, 400, "note"),
        ([], 400, None),
        (b"", 400, None),
        (b"{", 400, None),
        (b'{"verdict": "worked", "note": "\xff"}', 400, None),
        (b'{"verdict": "worked", "note": "\\ud800"}', 400, None),
        (b"[" * 100_000, 400, None),
        (b" " * 3_000_000, 413, None),
    ],
)
def test_what_is_not_valid_is_refused_with_the_field(client: Client, body: Any, status: int, field: str | None) -> None:
    answer = post(client, on_attempt(), body if isinstance(body, bytes) else json.dumps(body))
    assert answer.status_code == status, answer.content
    assert answer.json()["error"]["field"] == field
    if field is not None:
        assert answer.json()["error"]["path"] == field
    assert not Verdict.objects.exists()


def test_a_clock_somewhat_ahead_is_no_fault(client: Client) -> None:
    ahead = (timezone.now() + timedelta(minutes=2)).isoformat()
    assert post(client, on_attempt(), {"verdict": "worked", "given_at": ahead}).status_code == 201


def test_no_secret_of_a_note_reaches_the_disk_and_sending_it_again_is_no_conflict(client: Client) -> None:
    address = on_attempt()
    body = {"verdict": "worked", "verdict_id": str(uuid.uuid4()), "note": "by redis://:hunter22@cache/0 and a \0"}
    assert post(client, address, body).status_code == 201
    assert post(client, address, body).status_code == 200
    note = Verdict.objects.get().note
    assert "hunter22" not in note
    assert "[redacted:" in note
    assert "\ufffd" in note


def test_of_an_unknown_record_nothing_is_taken_or_read(client: Client) -> None:
    for kind in ("action", "resolution"):
        address = f"/api/{kind}-attempts/{uuid.uuid4()}/verdicts/"
        assert post(client, address).status_code == 404
        assert client.get(address).status_code == 404
        assert client.get(f"/api/{kind}-attempts/1/verdicts/").status_code == 404


@pytest.mark.parametrize(
    ("parameters", "field"), [({"colour": 1}, "colour"), ({"limit": 0}, "limit"), ({"cursor": "x"}, "cursor")]
)
def test_parameters_that_are_not_understood_are_refused(client: Client, parameters: dict[str, Any], field: str) -> None:
    for address in (on_attempt(), "/api/verdicts/"):
        answer = client.get(address, parameters)
        assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)
    answer = client.post(f"{on_attempt()}?colour=1", {"verdict": "worked"}, content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "colour")
    answer = client.get("/api/verdicts/", {"verdict": "fine"})
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "verdict")


@pytest.mark.parametrize("which", ["all", "one"])
def test_lists_are_paged_newest_first_with_as_many_queries_for_many_as_for_few(
    client: Client, which: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    row, now = make_attempt(), timezone.now()
    for number in range(25):
        when = now - timedelta(minutes=number // 2)
        make_verdict(attempt=row, note=f"{number}", given_at=when, received_at=when)
    following = f"/api/action-attempts/{row.pk}/verdicts/?limit=10" if which == "one" else "/api/verdicts/?limit=10"
    found: list[dict[str, Any]] = []
    while following:
        with django_assert_max_num_queries(2):  # key, verdicts
            answer = client.get(following).json()
        found += answer["results"]
        following = answer["next"]
    assert len({verdict["verdict_id"] for verdict in found}) == 25
    column = "given_at" if which == "one" else "received_at"
    keys = [(verdict[column], verdict["verdict_id"]) for verdict in found]
    assert keys == sorted(keys, reverse=True)


def test_all_verdicts_are_filtered(client: Client) -> None:
    make_verdict(verdict="worked", source="human", note="a")
    make_verdict(verdict="no_effect", source="alert", note="b")
    for parameters, expected in [({"verdict": "worked"}, "a"), ({"source": "alert"}, "b"), ({}, "ab")]:
        found = client.get("/api/verdicts/", parameters).json()["results"]
        assert "".join(sorted(verdict["note"] for verdict in found)) == expected


def test_a_reopened_resolution_says_so_and_why(client: Client) -> None:
    first = resolution(status="resolved", started_at="2026-03-01T08:00:00Z", completed_at="2026-03-01T09:00:00Z")
    second = resolution(started_at="2026-03-01T12:05:00Z")
    record([], [first, second])
    read = client.get(f"/api/resolution-attempts/{first['resolution_id']}/").json()
    assert (read["status"], read["verified"], read["reopened_by"]) == ("resolved", "reopened", second["resolution_id"])
    assert read["reopened_at"] == "2026-03-01T12:05:00Z"
    because = f"reopened 3 h 05 min after its end by resolution attempt {second['resolution_id']}"
    assert read["verified_because"] == because
    post(client, f"/api/resolution-attempts/{first['resolution_id']}/verdicts/", {"verdict": "worked"})
    read = client.get(f"/api/resolution-attempts/{first['resolution_id']}/").json()
    assert read["verified"] == "worked"
    assert read["verified_because"].startswith("a verdict of ")
    assert ResolutionAttempt.objects.get(pk=first["resolution_id"]).status == "resolved"
