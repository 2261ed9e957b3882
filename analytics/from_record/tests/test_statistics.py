"""GET /api/statistics/durations|steps|capacity|parameters|confidence/: golden cases, bounds, and what is refused."""

import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from access.keys import create_key
from analytics.buckets import bucket_of, bucket_start
from analytics.calibration import calibration_of, count_confidences
from analytics.from_record import bounds, capacity, confidence, durations, parameters, steps
from analytics.models import MetricRecount
from analytics.tests.recording import ended, record_rows, told_more
from attempts.models import ActionAttempt
from attempts.queries import read_attempts
from attempts.tests.stored import store_attempt, store_attempts
from resolutions.tests.factories import make_resolution
from resolutions.tests.recorded import attempt, record
from resolutions.timeline import end_of

pytestmark = pytest.mark.django_db

STATISTICS = "/api/statistics"
NOW = timezone.now().replace(microsecond=0)
BASE = NOW - timedelta(hours=2)
NAMES = ("durations", "steps", "capacity", "parameters", "confidence")


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(User.objects.create_user("operator"))
    return client


def get(client: Client, name: str, **asked: Any) -> Any:
    answer = client.get(f"{STATISTICS}/{name}/", asked)
    assert answer.status_code == 200, answer.content
    return answer.json()


def at(seconds: float) -> datetime:
    return BASE + timedelta(seconds=seconds)


def told(seconds: float) -> str:
    return at(seconds).isoformat()


def test_the_slowest_are_found_by_their_buckets_and_the_latest_by_their_start(client: Client) -> None:
    chance = random.Random(4)
    rows = [
        ended(
            seconds=0,
            started_at=(start := NOW - timedelta(minutes=chance.uniform(1, 3000))),
            completed_at=start + timedelta(seconds=chance.lognormvariate(1, 2)),
            status=chance.choice(["success", "failed"]),
            environment=chance.choice(["production", "test"]),
        )
        for _ in range(300)
    ]
    rows.append(ended(started_at=at(0), completed_at=at(10**6), status="cancelled"))
    record_rows(rows)
    for narrowed in ({}, {"environment": "test"}):
        found = get(client, "durations", limit=10, **narrowed)
        timed = [
            row
            for row in rows
            if row.status != "cancelled" and (not narrowed or row.environment == narrowed["environment"])
        ]
        slowest = sorted(timed, key=lambda row: -(row.duration_seconds or 0))[:10]
        assert found["slowest_exact"] is True
        assert [one["attempt_id"] for one in found["slowest"]] == [str(row.attempt_id) for row in slowest]
        assert [one["duration_seconds"] for one in found["slowest"]] == [row.duration_seconds for row in slowest]
        latest = sorted(timed if narrowed else rows, key=lambda row: row.effective_started_at, reverse=True)[:10]
        assert [one["attempt_id"] for one in found["recent"]] == [str(row.attempt_id) for row in latest]


def test_of_about_as_slow_ones_the_slowest_are_told(client: Client) -> None:
    record_rows([ended(0, started_at=at(900 * n), completed_at=at(900 * n + 30 + n / 100)) for n in range(-40, 0)])
    found = get(client, "durations", limit=3)
    assert [one["duration_seconds"] for one in found["slowest"]] == [29.99, 29.98, 29.97]
    assert found["slowest_exact"] is True


def test_a_duration_that_was_told_otherwise_hides_no_slower_one(client: Client) -> None:
    long = [ended(0, started_at=at(900 * n), completed_at=at(900 * n + 10_000 * 2**n)) for n in range(4)]
    record_rows([*long, ended(0, started_at=at(-900), completed_at=at(-400))])
    record_rows([told_more(row, execution_time_seconds=1.0) for row in long], before=long)
    found = get(client, "durations", limit=3)
    assert [one["duration_seconds"] for one in found["slowest"]] == [500, 1, 1]
    assert found["slowest_exact"] is True


def test_more_that_are_about_as_slow_than_can_be_looked_at_are_told(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durations, "MOST_TIED", 0)
    record_rows([ended(30, started_at=at(900 * n), completed_at=at(900 * n + 30)) for n in range(-6, 0)])
    assert get(client, "durations", limit=3)["slowest_exact"] is False
    assert get(client, "durations", limit=6)["slowest_exact"] is True
    assert len(get(client, "durations", limit=3)["slowest"]) == 3


def test_what_waits_to_be_recounted_may_hide_a_slower_one(client: Client) -> None:
    record_rows([ended(30, started_at=at(0), completed_at=at(30))])
    assert get(client, "durations")["slowest_exact"] is True
    MetricRecount.objects.create(bucket_start=bucket_start(bucket_of(at(0))), reason="x", noted_at=NOW)
    assert get(client, "durations")["slowest_exact"] is False


@pytest.mark.parametrize("name", NAMES)
def test_a_window_is_told_by_its_ends_too(client: Client, name: str) -> None:
    record_rows([ended(1, started_at=at(900 * n), completed_at=at(900 * n + 1), confidence=0.5) for n in (-9, -5, 0)])
    start, end = bucket_start(bucket_of(at(-4500))), bucket_start(bucket_of(at(-4500)) + 1)
    asked = {"action_type": "restart_pool"} if name != "confidence" else {}
    answer = get(client, name, start=start.isoformat(), end=end.isoformat(), **asked)
    assert answer["covered"]["rows"] == 1
    assert datetime.fromisoformat(answer["window"]["end"]) == end
    refused = client.get(f"{STATISTICS}/{name}/", asked | {"end": end.isoformat()})
    assert (refused.status_code, refused.json()["error"]["field"]) == (400, "end")


def test_steps_tell_the_bottleneck(client: Client) -> None:
    record(
        [
            attempt(
                action_type="restart",
                started_at=told(100 * n),
                completed_at=told(100 * n + 30),
                status="failed" if n else "success",
                logs=[
                    {"sequence": 0, "step": "check", "timestamp": told(100 * n)},
                    {"sequence": 1, "step": "drain", "timestamp": told(100 * n + 2 + n)},
                ],
            )
            for n in range(3)
        ]
        + [
            attempt(action_type="restart", started_at=told(0), logs=[{"sequence": 0, "step": "runs"}]),
            attempt(action_type="other", started_at=told(0), status="success", logs=[{"sequence": 0, "step": "other"}]),
        ]
    )
    answer = get(client, "steps", action_type="restart")
    assert answer["covered"]["rows"] == answer["breakdown"]["attempts"] == 3
    assert answer["covered"]["complete"] is True
    drain, check = answer["breakdown"]["steps"]
    assert answer["breakdown"]["bottleneck"] == drain["name"] == "drain"
    # drain: 28, 27, 26 of 90 seconds in all; check: 2, 3, 4.
    assert (drain["n"], drain["p50"], drain["mean"], drain["total_seconds"], drain["share"]) == (3, 27, 27, 81, 0.9)
    assert drain["p99"] == pytest.approx(27.98)
    assert (check["p50"], check["share"]) == (3, 0.1)


def test_steps_of_very_long_logs_are_left_out_and_told(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "MOST_STEPS_OF_ONE", 2)
    logs = [{"sequence": n, "step": "s", "timestamp": told(n)} for n in range(3)]
    record([attempt(action_type="a", started_at=told(0), status="success", logs=logs[:count]) for count in (2, 3)])
    answer = get(client, "steps", action_type="a")
    assert (answer["attempts_left_out"], answer["breakdown"]["attempts"]) == (1, 1)
    monkeypatch.setattr(steps, "MOST_STEPS", 1)
    assert get(client, "steps", action_type="a")["attempts_left_out"] == 2
    monkeypatch.setattr(steps, "MOST_ATTEMPTS", 1)
    assert get(client, "steps", action_type="a")["covered"]["complete"] is False


def test_capacity_counts_what_starts_ends_and_runs_at_once(client: Client) -> None:
    start = (NOW - timedelta(hours=5)).replace(minute=0, second=0)
    second = timedelta(seconds=1)
    spans = [
        (0, 1800, "success"),  # alone for half an hour
        (1800, 5400, "failed"),  # touches the first, reaches into the next hour
        (3600, 4500, "cancelled"),  # with the second one
        (3600, 3600, "skipped"),
        (7200, 7200, "success"),  # takes no time
    ]
    for begin, end, status in spans:
        store_attempt(
            started_at=start + begin * second,
            completed_at=start + end * second,
            status=status,
            received_at=start + begin * second + second,
        )
    # Known before they started: they waited 10 and 30 seconds.
    for wait in (10, 30):
        began = start + 3 * 3600 * second
        store_attempt(started_at=began, received_at=began - wait * second, status="success", execution_time_seconds=0)
    store_attempt(started_at=start + 3 * 3600 * second, status="pending")
    before = start - 3600 * second
    store_attempt(started_at=before, completed_at=start + 900 * second, status="success", received_at=start)
    answer = get(client, "capacity", window="6h", bucket="hour")
    by_start = {datetime.fromisoformat(bucket["start"]): bucket for bucket in answer["buckets"]}
    hours = [by_start[start + hour * 3600 * second] for hour in range(4)]
    names = ("started", "ended", "concurrency_mean", "concurrency_peak")
    assert [tuple(hour[name] for name in names) for hour in hours] == [
        (2, 2, 1.25, 2),
        (1, 2, 0.75, 2),
        (1, 1, 0, 0),
        (2, 2, 0, 0),
    ]
    assert hours[3]["waiting"] == {"p50": 20, "p95": 29, "n": 2}
    assert answer["waiting"] == {"p50": 20, "p95": 29, "n": 2}
    assert (answer["concurrency_peak"], answer["covered"]["complete"]) == (2, True)
    # The earliest began before the window, unless this is the first quarter of an hour; two never began.
    in_the_window = datetime.fromisoformat(answer["window"]["start"]) <= before
    assert answer["started"] == (7 if in_the_window else 6)


def test_what_runs_now_runs_until_now_and_what_was_lost_until_it_was_heard_of(client: Client) -> None:
    ago = NOW - timedelta(minutes=90)
    store_attempt(started_at=ago, last_heard_at=ago)
    store_attempt(
        started_at=ago, last_heard_at=ago + timedelta(minutes=1), abandoned_at=NOW, execution_time_seconds=None
    )
    answer = get(client, "capacity", window="3h", bucket="15m")
    assert [bucket["concurrency_peak"] for bucket in answer["buckets"]][-6:] in ([2, 1, 1, 1, 1, 1], [1] * 6)
    assert answer["buckets"][-1]["concurrency_mean"] == pytest.approx(1, abs=0.01)
    assert answer["ended"] == 0


def test_capacity_of_more_than_can_be_read_begins_later(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "MOST_ATTEMPTS", 2)
    store_attempts(*[{"started_at": at(60 * n), "completed_at": at(60 * n + 1), "status": "success"} for n in range(5)])
    answer = get(client, "capacity")
    assert answer["covered"]["complete"] is False
    assert datetime.fromisoformat(answer["covered"]["since"]) == at(120)
    assert datetime.fromisoformat(answer["buckets"][0]["start"]) == at(120)
    assert (answer["started"], answer["ended"]) == (3, 3)


@pytest.mark.parametrize(
    ("zone", "bucket", "starts"),
    [
        ("Asia/Kathmandu", "hour", "15"),  # 5 h 45 min from UTC
        ("UTC", "hour", "00"),
        ("Asia/Kolkata", "day", "30"),
    ],
)
def test_buckets_are_those_of_the_time_zone(client: Client, zone: str, bucket: str, starts: str) -> None:
    answer = get(client, "capacity", window="72h", bucket=bucket, timezone=zone)
    minutes = {datetime.fromisoformat(one["start"]).strftime("%M") for one in answer["buckets"][1:]}
    assert minutes == {starts}
    ends = [one["end"] for one in answer["buckets"]]
    assert ends[:-1] == [one["start"] for one in answer["buckets"][1:]]


def test_parameters_that_go_with_success_are_told_apart_from_chance(client: Client) -> None:
    chance = random.Random(1)
    store_attempts(
        *[
            {
                "action_type": "resize",
                "status": "success" if chance.random() < (0.95 if n % 2 else 0.5) else "failed",
                "verdict": "worked" if n % 4 else "no_effect",
                "verdict_at": NOW,
                "parameters": {"mode": "soft" if n % 2 else "hard", "host": f"web-{n}", "dice": n % 3},
                "started_at": at(n),
                "completed_at": at(n + 2),
            }
            for n in range(200)
        ],
        {"action_type": "resize", "status": "success", "parameters": {"blob": list(range(5000))}, "started_at": at(0)},
        # Where it is stored, it takes a hundred bytes.
        {"action_type": "resize", "status": "success", "parameters": {"blob": "x" * 5000}, "started_at": at(0)},
    )
    answer = get(client, "parameters", action_type="resize")
    assert (answer["covered"]["rows"], answer["attempts_left_out"]) == (202, 2)
    differences = {
        (one["level"]["parameter"], one["level"]["text"]): one["difference"] for one in answer["claimed"]["values"]
    }
    assert differences[("mode", '"soft"')] == "higher"
    assert differences[("mode", '"hard"')] == "lower"
    assert {difference for (name, _), difference in differences.items() if name == "dice"} == {"chance"}
    assert [(one["parameter"], one["why"]) for one in answer["claimed"]["left_out"]] == [("host", "many_values")]
    assert answer["verified"]["observed"]["rate"] == 0.75
    assert answer["claimed"]["values"][0]["median_seconds"] == 2


@pytest.mark.parametrize("exponent", ["5e307", "-5e307", "1e-324", "12345678901234567890.5"])
def test_numbers_at_the_end_of_the_range_are_taken(client: Client, exponent: str) -> None:
    for n in range(1, 80):
        store_attempt(action_type="resize", status="success" if n % 3 else "failed", started_at=at(n))
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE action_attempts SET parameters = jsonb_build_object('n', %s::numeric * (1 + n %% 17))"
            " FROM (SELECT attempt_id AS id, row_number() OVER () AS n FROM action_attempts) AS numbered"
            " WHERE id = attempt_id",
            [exponent],
        )
    assert get(client, "parameters", action_type="resize")["covered"]["rows"] == 79


def test_confidence_is_that_of_the_pure_functions_on_the_same_rows(client: Client) -> None:
    chance = random.Random(7)
    rows = [
        {
            "status": chance.choice(["success", "success", "failed", "cancelled", None]),
            "verdict": (verdict := chance.choice(["worked", "no_effect", "made_worse", "unknown", None])),
            "verdict_at": NOW if verdict else None,
            "confidence": chance.choice([None, 0.0, 1.0, 0.5, 0.1, 0.30000000000000004, chance.random()]),
            "engine": chance.choice(["healer", None]),
            "engine_version": chance.choice(["1", "2"]),
            "started_at": at(n),
        }
        for n in range(400)
    ]
    store_attempts(*rows)
    answer = get(client, "confidence")
    carrying: list[Any] = [row for row in rows if row["confidence"] is not None]
    assert answer["covered"]["rows"] == len(carrying)

    def expected(which: list[Any]) -> list[Any]:
        ended = [row for row in which if row["status"] in ("success", "failed")]
        judged = [row for row in which if row["verdict"] not in (None, "unknown")]
        return [
            calibration_of(count_confidences((row["confidence"], row[name] == value) for row in rows))
            for rows, name, value in ((ended, "status", "success"), (judged, "verdict", "worked"))
        ]

    def same(found: Any, which: list[Any]) -> None:
        for name, calibration in zip(("claimed", "verified"), expected(which), strict=True):
            assert found[name]["sentence"] == calibration.sentence
            for figure in ("n", "brier_score", "expected_calibration_error", "mean_confidence", "gap"):
                assert found[name][figure] == pytest.approx(getattr(calibration, figure))
            counts = [one["observed"]["n"] for one in found[name]["curve"]]
            assert counts == [one.observed.n for one in calibration.curve]

    same(answer, carrying)
    assert answer["engines"] == len(answer["by_engine"]) == 4
    for found in answer["by_engine"]:
        of = (found["engine"], found["engine_version"])
        same(found, [row for row in carrying if (row["engine"], row["engine_version"]) == of])
    narrowed = get(client, "confidence", engine="healer", engine_version="2")
    same(narrowed, [row for row in carrying if (row["engine"], row["engine_version"]) == ("healer", "2")])


def test_a_reopened_resolution_was_no_success_and_an_escalated_one_is_not_counted(client: Client) -> None:
    def of(**facts: Any) -> None:
        make_resolution(**{"confidence": 0.9, "started_at": BASE, "status": "resolved", **facts})

    of()
    of(status="failed")
    of(status="escalated")
    of(reopened_by="0190d3a5-0000-7000-8000-000000000000", reopened_at=BASE)
    of(
        reopened_by="0190d3a5-0000-7000-8000-000000000000",
        reopened_at=BASE,
        verdict="worked",
        verdict_at=BASE + timedelta(hours=1),
    )
    answer = get(client, "confidence", subject="resolution")
    assert (answer["claimed"]["observed"]["successes"], answer["claimed"]["n"]) == (3, 4)
    assert (answer["verified"]["observed"]["successes"], answer["verified"]["n"]) == (1, 2)


def test_an_over_confident_engine_is_called_that(client: Client) -> None:
    store_attempts(
        *[{"confidence": 0.95, "status": "success" if n % 2 else "failed", "started_at": at(n)} for n in range(100)]
    )
    assert get(client, "confidence")["claimed"]["verdict"] == "over_confident"
    assert get(client, "confidence")["verified"]["verdict"] == "too_little_data"


def test_the_end_and_duration_in_sql_are_those_of_the_rows() -> None:
    chance = random.Random(2)
    for _ in range(60):
        store_attempt(
            started_at=chance.choice([None, at(0)]),
            completed_at=chance.choice([None, at(-5), at(50)]),
            execution_time_seconds=chance.choice([None, 0.0, 12.25, 1e8]),
            status=chance.choice([None, "in_progress", "pending", "success", "failed", "skipped"]),
            last_heard_at=chance.choice([at(-100), at(7)]),
            received_at=at(1),
        )
    with connection.cursor() as cursor:
        expressions = f"{bounds.ENDED_AT}, {bounds.DURATION_SECONDS}"
        cursor.execute(f"SELECT attempt_id, {expressions} FROM action_attempts")  # noqa: S608  # our own names
        found = {id: (ended_at, seconds) for id, ended_at, seconds in cursor}
    for detail in read_attempts(ActionAttempt.objects.all()):
        ended_at, seconds = found[detail.attempt_id]
        assert (ended_at or detail.effective_started_at) == end_of(detail)
        assert seconds == detail.execution_time_seconds


@pytest.mark.parametrize("name", NAMES)
def test_without_any_attempt_there_is_an_answer(client: Client, name: str) -> None:
    asked = {"action_type": "none"} if name != "confidence" else {}
    answer = get(client, name, **asked)
    assert answer["covered"]["rows"] == 0
    assert client.get(f"{STATISTICS}/{name}", asked).status_code == 200


@pytest.mark.parametrize("name", NAMES)
def test_strangers_and_keys_that_may_not_read_are_refused(name: str) -> None:
    address = f"{STATISTICS}/{name}/?action_type=a"
    assert Client().get(address).status_code == 401
    _, token = create_key(name="engine", scopes=["ingest"])
    assert Client().get(address, headers={"Authorization": f"Bearer {token}"}).status_code == 403


BAD = [
    ("window", "1w"),
    ("window", "9" * 5000 + "d"),
    ("no_such", "1"),
    ("environment", "x" * 256),
    ("engine_version", "x" * 256),
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("field", "value"), BAD)
def test_bad_parameters_are_named(client: Client, name: str, field: str, value: str) -> None:
    asked = {"action_type": "a"} if name in ("steps", "parameters") else {}
    answer = client.get(f"{STATISTICS}/{name}/", asked | {field: value})
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, field), answer.content


@pytest.mark.parametrize(
    ("name", "asked", "field"),
    [
        ("durations", {"limit": "0"}, "limit"),
        ("durations", {"limit": "9" * 5000}, "limit"),
        ("steps", {}, "action_type"),
        ("steps", {"action_type": "x" * 256}, "action_type"),
        ("parameters", {"action_type": ""}, "action_type"),
        ("capacity", {"bucket": "year"}, "bucket"),
        ("capacity", {"bucket": "15m", "window": "300d"}, "bucket"),
        ("capacity", {"timezone": "Mars/Olympus"}, "timezone"),
        ("confidence", {"subject": "incident"}, "subject"),
        ("confidence", {"subject": "resolution", "action_type": "a"}, "action_type"),
    ],
)
def test_what_each_does_not_take_is_named(client: Client, name: str, asked: dict[str, str], field: str) -> None:
    answer = client.get(f"{STATISTICS}/{name}/", asked)
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, field), answer.content
    assert client.get(f"{STATISTICS}/{name}/?engine=%00").status_code == 400
    assert client.get(f"{STATISTICS}/{name}/?engine=%ED%A0%80").status_code == 400


@pytest.mark.parametrize("name", NAMES)
def test_queries_do_not_grow_with_rows(
    client: Client, name: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    asked = {"action_type": "restart_pool"} if name != "confidence" else {}

    def more(count: int) -> None:
        record_rows([ended(started_at=at(n), completed_at=at(n + 1), confidence=0.5) for n in range(count)])

    more(1)
    get(client, name, **asked)
    with django_assert_num_queries({"steps": 7, "durations": 9}.get(name, 6)) as once:
        get(client, name, **asked)
    more(20)
    with django_assert_num_queries(len(once)):
        get(client, name, **asked)


@pytest.mark.parametrize("module", [durations, steps, parameters, confidence])
def test_a_window_with_more_than_is_read_says_since_when(
    client: Client, module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = "MOST_ROWS" if module is confidence else "MOST_LOOKED_THROUGH"
    monkeypatch.setattr(module, most, 2)
    record_rows([ended(started_at=at(n), completed_at=at(n + 1), confidence=0.5) for n in range(5)])
    answer = get(client, module.__name__.rpartition(".")[2], action_type="restart_pool")
    assert datetime.fromisoformat(answer["covered"]["since"]) == at(2)
    assert (answer["covered"]["rows"], answer["covered"]["complete"]) == (3, False)
