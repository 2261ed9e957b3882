"""/api/failure-patterns/: the list, one pattern in full, the verbs of operators, and who is refused."""

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from access.groups import OPERATORS
from access.keys import create_key
from analytics.models import FailureFingerprint, FailurePattern, MetricRecount, PatternChange
from analytics.tests.factories import make_pattern
from analytics.tests.recording import ended, failed, record_rows

pytestmark = pytest.mark.django_db

LIST = "/api/failure-patterns/"
NOW = datetime.now(UTC)
VERBS = ("acknowledge", "fix", "ignore", "reopen", "merge", "split")


def client_with(*scopes: str) -> Client:
    _, token = create_key(name="desk", scopes=scopes)
    return Client(raise_request_exception=False, headers={"Authorization": f"Bearer {token}"})


@pytest.fixture
def reader() -> Client:
    return client_with("read")


@pytest.fixture
def desk() -> Client:
    return client_with("operate")


def fail(message: str, *, hours_ago: float = 1, **facts: Any) -> FailurePattern:
    row = failed(message, started_at=NOW - timedelta(hours=hours_ago), **facts)
    record_rows([row])
    assert row.fingerprint is not None
    return FailurePattern.objects.get(fingerprints__fingerprint=row.fingerprint)


def templates(client: Client, **parameters: Any) -> list[str]:
    answer = client.get(LIST, parameters)
    assert answer.status_code == 200, answer.content
    return [row["template"] for row in answer.json()["results"]]


def post(client: Client, pattern_id: object, verb: str, body: object = None) -> Any:
    content = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
    return client.post(f"{LIST}{pattern_id}/{verb}/", content, content_type="application/json")


@pytest.mark.parametrize("address", [LIST, LIST[:-1]])
def test_the_list_tells_what_is_kept_of_each(reader: Client, address: str) -> None:
    fail("disk full", hours_ago=3, error_type="io", incident_id="A")
    fail("disk full", hours_ago=1, incident_id="B")
    fail("no answer", hours_ago=2)
    answer = reader.get(address).json()
    first, second = answer["results"]
    assert (first["template"], second["template"]) == ("disk full", "no answer")
    assert (first["occurrences"], first["incidents"], first["fingerprints"]) == (2, 2, 2)
    assert first["share"] == pytest.approx(2 / 3)
    assert (first["action_types"], first["error_types"]) == (["restart_pool"], ["io"])
    assert first["first_seen"] < first["last_seen"]
    assert (first["state"], first["merged_into"], first["exact"]) == ("new", None, True)
    assert answer["next"] is None


def test_filters(reader: Client) -> None:
    full = fail("disk full", hours_ago=30, error_type="io", incident_id="A", action_type="mount")
    row = failed("no answer", started_at=NOW, incident_id="B")
    success = ended()
    record_rows([row, success])
    FailurePattern.objects.filter(pk=full.pk).update(state="ignored")
    ours: list[dict[str, str]] = [
        {"state": "ignored"},
        {"action_type": "mount"},
        {"error_type": "io"},
        {"incident_id": "A"},
        {"search": "K FU"},
    ]
    for parameters in ours:
        assert templates(reader, **parameters) == ["disk full"], parameters
    for parameters in (
        {"state": "new"},
        {"error_type": ""},
        {"seen_since": (NOW - timedelta(hours=1)).isoformat()},
        {"attempt": str(row.attempt_id)},
    ):
        assert templates(reader, **parameters) == ["no answer"], parameters
    assert len(templates(reader, state=["new", "ignored"])) == 2
    for parameters in (
        {"attempt": f"{success.attempt_id}"},
        {"attempt": str(uuid.uuid4())},
        {"incident_id": "no such"},
        {"search": "%"},
        {"action_type": "x" * 1000},
    ):
        assert templates(reader, **parameters) == [], parameters


@pytest.mark.parametrize(
    ("ordering", "expected"),
    [
        ("-last_seen", "cab"),
        ("last_seen", "bac"),
        ("-occurrences", "bca"),
        ("occurrences", "acb"),
        ("-first_seen", "acb"),
        ("first_seen", "bca"),
    ],
)
def test_each_order_is_paged_to_its_end(reader: Client, ordering: str, expected: str) -> None:
    for name, hours in (("a", [5]), ("b", [9, 8, 7]), ("c", [6, 1])):
        for hours_ago in hours:
            fail(f"disk {name}{name} full", hours_ago=hours_ago)
    found, address = "", f"{LIST}?ordering={ordering}&limit=1"
    while address:
        answer = reader.get(address).json()
        found += "".join(row["template"][5] for row in answer["results"])
        address = answer["next"]
    assert found == expected


def test_patterns_of_the_same_number_are_paged_without_loss(reader: Client) -> None:
    for number in range(7):
        make_pattern(template=str(number), pattern_id=uuid.UUID(int=number + 1))
    found, address = [], f"{LIST}?ordering=-occurrences&limit=3"
    while address:
        answer = reader.get(address).json()
        found += [row["template"] for row in answer["results"]]
        address = answer["next"]
    assert sorted(found) == [str(number) for number in range(7)]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("state=open", "state"),
        ("seen_since=yesterday", "seen_since"),
        ("seen_since=2026-01-01T00:00:00", "seen_since"),
        ("attempt=7", "attempt"),
        ("ordering=state", "ordering"),
        ("limit=0", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("cursor=x", "cursor"),
        ("search=%00", None),
        ("action_type=%00", None),
        ("incident_id=a%00b", None),
        ("search=a&search=b", "search"),
        ("colour=red", "colour"),
    ],
)
def test_a_parameter_that_is_not_understood_is_400_and_named(reader: Client, query: str, field: str | None) -> None:
    answer = reader.get(f"{LIST}?{query}")
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)


def test_a_cursor_of_another_order_is_refused(reader: Client) -> None:
    for number in range(3):
        make_pattern(template=str(number))
    cursor = reader.get(LIST, {"limit": "1", "ordering": "-occurrences"}).json()["next_cursor"]
    for ordering in ("occurrences", "-last_seen"):
        answer = reader.get(LIST, {"cursor": f"{cursor}", "ordering": ordering})
        assert (answer.status_code, answer.json()["error"]["field"]) == (400, "cursor")


def test_the_queries_of_the_list_do_not_grow_with_its_rows(reader: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert reader.get(LIST).status_code == 200
        return len(captured)

    fail("disk full")
    few = queries()
    for number in range(30):
        make_pattern(uuid.uuid4(), template=str(number))
    assert queries() == few <= 5


def test_a_pattern_that_waits_for_a_recount_is_not_exact(reader: Client) -> None:
    fail("disk full")
    fail("no answer")
    FailureFingerprint.objects.filter(masked="disk full").update(recount_due=True)
    exact = {row["template"]: row["exact"] for row in reader.get(LIST).json()["results"]}
    assert exact == {"disk full": False, "no answer": True}
    MetricRecount.objects.create(bucket_start=NOW, reason="x", noted_at=NOW)
    assert not any(row["exact"] for row in reader.get(LIST).json()["results"])


def test_one_pattern_tells_its_history_over_time(reader: Client) -> None:
    for hours_ago, incident in ((50, "A"), (26, "A"), (25, "B"), (1, "B"), (1, "B")):
        pattern = fail("disk full", hours_ago=hours_ago, incident_id=incident)
    fail("no answer", hours_ago=2)
    told = reader.get(f"{LIST}{pattern.pk}", {"window": "2d", "bucket": "hour"}).json()["over_time"]
    assert (told["occurrences"], told["incidents"], told["failures"]) == (4, 2, 5)
    assert told["share"] == 0.8
    assert sum(bucket["occurrences"] for bucket in told["buckets"]) == 4
    assert [bucket["incidents"] for bucket in told["buckets"] if bucket["occurrences"]] == [1, 1, 1]
    assert len(told["buckets"]) in (49, 50)
    assert told["buckets"][0]["start"] == told["window"]["start"]
    assert told["buckets"][-1]["end"] == told["window"]["end"]


def test_a_day_is_a_day_of_the_time_zone(reader: Client) -> None:
    pattern = fail("disk full")
    told = reader.get(f"{LIST}{pattern.pk}/", {"timezone": "Asia/Kathmandu", "window": "7d"}).json()["over_time"]
    assert told["timezone"] == "Asia/Kathmandu"
    assert {bucket["start"][11:] for bucket in told["buckets"][1:]} == {"18:15:00Z"}


def test_typical_attempts_are_the_latest_and_those_of_frequent_fingerprints(reader: Client) -> None:
    rows = [
        failed(f"no answer from {what} in time", started_at=NOW - timedelta(hours=hours), target="db")
        for what, hours in (("10.0.0.1", 9), ("10.0.0.2", 8), ("10.0.0.3", 7), ("/run/x", 2), ("/run/y", 3))
    ]
    record_rows(rows)
    told = reader.get(f"{LIST}{FailurePattern.objects.get().pk}/").json()["typical"]
    assert [(one["why"], one["attempt_id"]) for one in told] == [
        ("most_recent", str(rows[3].attempt_id)),
        ("most_frequent", str(rows[2].attempt_id)),
    ]
    assert (told[0]["error_message"], told[0]["target"]) == ("no answer from /run/x in time", "db")


def test_what_it_concentrates_on_is_told_with_both_counts(reader: Client) -> None:
    at: dict[str, Any] = {"started_at": NOW - timedelta(hours=1)}
    parameters = [json.dumps({"pool": number % 3, "id": str(uuid.uuid4())}).encode() for number in range(60)]
    record_rows(
        [failed("disk full", target="db-7", parameters=raw(parameters[number]), **at) for number in range(30)]
        + [
            ended(target=f"db-{number % 8}", parameters=raw(parameters[number]), completed_at=None, **at)
            for number in range(60)
        ]
    )
    told = reader.get(f"{LIST}{FailurePattern.objects.get().pk}/").json()["concentration"]
    assert (told["failures"], told["successes"], told["enough"]) == (30, 60, True)
    first = told["traits"][0]
    assert (first["trait"]["parameter"], first["trait"]["text"], first["difference"]) == ("target", '"db-7"', "more")
    assert (first["failures"]["count"], first["successes"]["count"]) == (30, 7)
    assert {one["difference"] for one in told["traits"] if one["trait"]["parameter"] != "target"} <= {"chance"}
    assert not any(one["trait"]["parameter"] == "parameters.id" for one in told["traits"])


def raw(encoded: bytes) -> Any:
    import msgspec

    return msgspec.Raw(encoded)


def test_a_merged_pattern_says_where_it_went(reader: Client, desk: Client) -> None:
    full, empty = fail("disk full"), fail("disk empty")
    assert post(desk, full.pk, "merge", {"patterns": [str(empty.pk)], "note": "one disk"}).status_code == 200
    gone = reader.get(f"{LIST}{empty.pk}/").json()
    assert (gone["merged_into"], gone["occurrences"], gone["typical"]) == (str(full.pk), 0, [])
    assert [(one["change"], one["other_pattern"]) for one in gone["history"]] == [("merged_into", str(full.pk))]
    assert templates(reader) == ["disk full"]
    kept = reader.get(f"{LIST}{full.pk}/").json()
    assert {owned["masked"] for owned in kept["owned"]} == {"disk full", "disk empty"}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("window=a day", "window"),
        ("window=99999d", "window"),
        ("bucket=minute", "bucket"),
        ("bucket=15m&window=3660d", "bucket"),
        ("timezone=Mars", "timezone"),
        ("timezone=%00", None),
        ("colour=red", "colour"),
    ],
)
def test_what_cannot_be_told_of_one_is_400_and_named(reader: Client, query: str, field: str | None) -> None:
    answer = reader.get(f"{LIST}{fail('disk full').pk}/?{quote(query, safe='=&%')}")
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, field), answer.content


def test_a_pattern_that_there_is_not_is_404(reader: Client, desk: Client) -> None:
    for name in (uuid.uuid4(), "7", "not-a-uuid"):
        assert reader.get(f"{LIST}{name}/").status_code == 404
        for verb in VERBS[:4]:
            assert post(desk, name, verb).status_code == 404


@pytest.mark.parametrize("verb", ["acknowledge", "fix", "ignore"])
def test_a_decision_says_who_made_it(desk: Client, verb: str) -> None:
    pattern = fail("disk full")
    answer = post(desk, pattern.pk, verb, {"note": "on it"})
    told = answer.json()
    assert (answer.status_code, told["outcome"], told["pattern_id"]) == (200, "changed", str(pattern.pk))
    assert told["pattern"]["state_changed_by"] == "API key desk"
    assert post(desk, pattern.pk, verb).json()["outcome"] == "unchanged"
    change = PatternChange.objects.get()
    assert (change.changed_by, change.note) == ("API key desk", "on it")


def test_an_empty_body_is_a_decision_without_a_note(desk: Client) -> None:
    assert post(desk, fail("disk full").pk, "fix", b"").status_code == 200


def test_a_split_by_api(desk: Client, reader: Client) -> None:
    row = failed("no answer from 10.0.0.1", started_at=NOW)
    record_rows([row, failed("no answer from /run/x", started_at=NOW)])
    pattern = FailurePattern.objects.get()
    body = {"fingerprints": [str(row.fingerprint)]}
    answer = post(desk, pattern.pk, "split", body)
    assert (answer.status_code, answer.json()["outcome"]) == (201, "created")
    again = post(desk, pattern.pk, "split", body)
    assert (again.status_code, again.json()["pattern_id"]) == (200, answer.json()["pattern_id"])
    refused = post(desk, answer.json()["pattern_id"], "split", body)
    assert refused.status_code == 409
    assert "one fingerprint" in refused.json()["error"]["message"]


@pytest.mark.parametrize(
    ("verb", "body", "path"),
    [
        ("fix", b"{", None),
        ("fix", b"\xff", None),
        ("fix", b"[]", None),
        ("fix", b'{"note": "\\ud800"}', None),
        ("fix", b"[" * 5000, None),
        ("fix", {"note": 1}, "note"),
        ("fix", {"note": "x" * 2001}, "note"),
        ("fix", {"notes": "x"}, "notes"),
        ("merge", {}, "patterns"),
        ("merge", {"patterns": []}, "patterns"),
        ("merge", {"patterns": "all"}, "patterns"),
        ("merge", {"patterns": ["7"]}, "patterns[0]"),
        ("merge", {"patterns": [10**400]}, "patterns[0]"),
        ("merge", {"patterns": [str(uuid.UUID(int=1))] * 101}, "patterns"),
        ("merge", {"patterns": [str(uuid.UUID(int=1))]}, "patterns[0]"),
        ("split", {}, "fingerprints"),
        ("split", {"fingerprints": [None]}, "fingerprints[0]"),
        ("split", {"fingerprints": [str(uuid.UUID(int=1))]}, "fingerprints[0]"),
    ],
)
def test_a_body_that_is_not_understood_is_400_and_says_where(
    desk: Client, verb: str, body: object, path: str | None
) -> None:
    pattern = fail("disk full")
    answer = post(desk, pattern.pk, verb, body)
    error = answer.json()["error"]
    assert (answer.status_code, error["path"]) == (400, path), error
    assert error["field"] == (path.partition("[")[0] if path else None)
    assert not PatternChange.objects.exists()


def test_a_nul_in_a_note_is_not_lost_and_harms_nothing(desk: Client) -> None:
    assert post(desk, fail("disk full").pk, "fix", b'{"note": "a\\u0000b"}').status_code == 200
    assert PatternChange.objects.get().note == "a\ufffdb"


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("who", "status"),
    [
        (lambda: Client(), 401),
        (lambda: client_with("read"), 403),
        (lambda: client_with("ingest"), 403),
        (lambda: client_with("ingest", "read"), 403),
        (lambda: signed_in("olga"), 403),
    ],
    ids=["nobody", "read", "ingest", "both", "a user without the permission"],
)
def test_others_decide_nothing(verb: str, who: Callable[[], Client], status: int) -> None:
    pattern = fail("disk full")
    answer = post(who(), pattern.pk, verb, {"patterns": [str(pattern.pk)]} if verb == "merge" else None)
    assert (answer.status_code, answer.json()["error"]["code"]) == (
        status,
        {401: "unauthorized", 403: "forbidden"}[status],
    )
    assert not PatternChange.objects.exists()


def test_reading_takes_the_scope_read() -> None:
    pattern = fail("disk full")
    olga = signed_in("olga")
    for address in (LIST, f"{LIST}{pattern.pk}/"):
        assert Client().get(address).status_code == 401
        assert client_with("operate").get(address).status_code == 403
        assert olga.get(address).status_code == 200


def test_a_user_of_the_group_operators_decides_with_the_csrf_token_only() -> None:
    pattern = fail("disk full")
    olga = signed_in("olga", OPERATORS)
    assert post(olga, pattern.pk, "acknowledge").status_code == 200
    assert PatternChange.objects.get().changed_by == "olga"
    checked = Client(enforce_csrf_checks=True)
    checked.force_login(User.objects.get())
    assert post(checked, pattern.pk, "fix").status_code == 403


def signed_in(name: str, *groups: str) -> Client:
    user = User.objects.create_user(name)
    user.groups.add(*Group.objects.filter(name__in=groups))
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def test_get_is_not_how_one_decides(reader: Client) -> None:
    assert reader.get(f"{LIST}{fail('disk full').pk}/fix/").status_code == 405
    assert reader.post(LIST).status_code == 405
