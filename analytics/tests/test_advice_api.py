"""Advice before acting, over HTTP."""

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from msgspec import Raw

from access.keys import create_key
from analytics.intervals import wilson
from analytics.models import FailurePattern, MetricRecount
from analytics.tests.recording import attempt, record_resolution, record_rows, resolution
from attempts.redaction import redactor
from attempts.rows import AttemptRow
from resolutions.tests.recorded import attempt as document
from resolutions.tests.recorded import record

pytestmark = pytest.mark.django_db

ADVICE = "/api/advice/"


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(User.objects.create_user("operator"))
    return client


def get(client: Client, **asked: Any) -> Any:
    answer = client.get(ADVICE, asked)
    assert answer.status_code == 200, answer.content
    return answer.json()


def tried(
    success: bool,
    *,
    seconds: float = 2,
    before: timedelta = timedelta(hours=1),
    **told: Any,
) -> AttemptRow:
    """An attempt that ended, an hour ago unless told otherwise."""
    started = timezone.now() - before
    if "parameters" in told:
        told["parameters"] = Raw(json.dumps(told["parameters"]).encode())
    facts = {
        "incident_type": "latency",
        "environment": "production",
        "status": "success" if success else "failed",
        "started_at": started,
        "completed_at": started + timedelta(seconds=seconds),
        "received_at": started,
        "last_heard_at": started,
    }
    return attempt(**facts | told)


def verdict(value: str) -> dict[str, Any]:
    return {"verdict": value, "verdict_at": timezone.now()}


def ended(status: str, *, minutes: float, **told: Any) -> UUID:
    """A resolution attempt that ended, so many minutes ago."""
    started = timezone.now() - timedelta(minutes=minutes)
    row = resolution(
        **{
            "incident_type": "latency",
            "environment": "production",
            "incident_id": f"INC-{minutes:g}",
            "status": status,
            "started_at": started,
            "completed_at": started + timedelta(minutes=1),
            **told,
        }
    )
    record_resolution(row)
    return row.resolution_id


def test_without_any_record_there_is_no_evidence(client: Client) -> None:
    answer = get(client, incident_type="latency", action_type="restart_pool")
    assert answer["has_evidence"] is False
    assert answer["message"] == "No evidence: no attempt of 'restart_pool' ended in the last 90d."
    assert (answer["actions"], answer["expected_failures"], answer["exact"]) == ([], [], True)
    for side in ("claimed", "verified"):
        chance = answer["chance"][side]
        assert (chance["has_evidence"], chance["basis"], chance["chance"], chance["levels"]) == (False, None, 0.5, [])
    assert answer["similar_incidents"]["latest"] == []
    assert get(client, incident_type="latency")["message"].startswith("No evidence: no attempt on such an incident")


def test_it_tells_which_actions_worked_for_this_kind_of_incident_as_claimed_and_as_verified(client: Client) -> None:
    record_rows(
        [
            *(
                tried(True, action_type="drain", seconds=4, **verdict("worked" if i < 3 else "no_effect"))
                for i in range(5)
            ),
            *(tried(i == 0, action_type="restart_pool") for i in range(4)),
            tried(True, action_type="restart_pool", **verdict("unknown")),
            tried(True, action_type="scale", incident_type="errors"),
            tried(True, action_type="scale", status="skipped"),
        ]
    )
    answer = get(client, incident_type="latency")
    assert (answer["has_evidence"], answer["chance"]) == (True, None)
    drain, restart = answer["actions"]
    low, high = wilson(5, 5) or (0, 0)
    assert drain["action_type"] == "drain"
    assert drain["claimed"] == {"successes": 5, "n": 5, "rate": 1, "low": pytest.approx(low), "high": high}
    assert (drain["verified"]["successes"], drain["verified"]["n"], drain["verified"]["rate"]) == (3, 5, 0.6)
    durations = drain["durations"]
    assert (durations["p50"], durations["p95"], durations["n"]) == (
        pytest.approx(4, rel=0.05), pytest.approx(4, rel=0.05), 5,
    )  # fmt: skip
    assert durations["mean"] == 4
    assert (restart["action_type"], restart["claimed"]["successes"], restart["claimed"]["n"]) == ("restart_pool", 2, 5)
    assert restart["verified"] == {"successes": 0, "n": 0, "rate": None, "low": None, "high": None}
    assert answer["message"] == (
        "2 action types were tried on such incidents; the surest is 'drain', with 5 successes of 5."
    )


def test_it_is_narrowed_to_an_environment_and_to_the_days_back(client: Client) -> None:
    record_rows(
        [
            tried(True, environment="staging"),
            tried(True, before=timedelta(days=40)),
            tried(False, before=timedelta(days=2)),
        ]
    )
    assert get(client, incident_type="latency")["actions"][0]["claimed"]["n"] == 3
    assert get(client, incident_type="latency", environment="production")["actions"][0]["claimed"]["n"] == 2
    assert get(client, incident_type="latency", days_back=7)["actions"][0]["claimed"]["n"] == 2
    assert get(client, incident_type="latency", environment="test")["has_evidence"] is False
    window = get(client, incident_type="latency", days_back=7)["window"]
    assert window["name"] == "7d"


def test_a_proposed_action_gets_its_chance_with_the_levels_of_its_evidence(client: Client) -> None:
    record_rows([tried(True, parameters={"command": f"get pods {i}"}) for i in range(30)])
    record_rows([tried(False, parameters={"command": f"exec into {i}"}) for i in range(30)])
    record_rows([tried(True, parameters={"command": "get pods"}, **verdict("no_effect")) for _ in range(9)])

    def chances(command: str) -> tuple[float, float]:
        asked = {
            "action_type": "restart_pool",
            "incident_type": "latency",
            "parameters": json.dumps({"command": command}),
        }
        chance = get(client, **asked)["chance"]
        return chance["claimed"]["chance"], chance["verified"]["chance"]

    claimed, verified = chances("get pods unseen")
    assert claimed > 0.85
    assert verified < 0.15
    assert chances("exec into unseen")[0] < 0.15
    told = get(client, action_type="restart_pool", incident_type="latency", parameters='{"command": "get pods"}')
    levels = [level["level"] for level in told["chance"]["claimed"]["levels"]]
    assert levels[:3] == ["overall", "action_type", "incident_type"]
    assert told["chance"]["claimed"]["basis"] == "all_parameters"
    assert {"parameter": "command", "words": "get"} in [level["like"] for level in told["chance"]["claimed"]["levels"]]
    assert told["chance"]["verified"]["levels"][0]["n"] == 9
    assert told["chance"]["claimed"]["low"] < told["chance"]["claimed"]["chance"] < told["chance"]["claimed"]["high"]


def test_two_attempts_do_not_read_as_certainty(client: Client) -> None:
    record_rows([tried(True), tried(True)])
    chance = get(client, action_type="restart_pool")["chance"]["claimed"]
    assert chance["chance"] < 0.9
    assert chance["low"] < 0.5


def test_secrets_of_a_proposal_compare_by_their_marks_and_are_not_told(client: Client) -> None:
    secret, mark = redactor().under("password", "hunter22")
    assert secret
    record_rows([tried(False, parameters={"password": mark})])
    answer = client.get(ADVICE, {"action_type": "restart_pool", "parameters": '{"password": "hunter22"}'})
    assert answer.json()["chance"]["claimed"]["basis"] == "all_parameters"
    assert b"hunter22" not in answer.content


def test_what_was_tried_in_the_same_incident_counts_more(client: Client) -> None:
    record_rows([tried(i % 4 != 0, incident_id=f"INC-{i}") for i in range(40) for _ in range(3)])
    told = {"action_type": "restart_pool", "incident_type": "latency"}
    in_it = get(client, **told, incident_id="INC-0")["chance"]["claimed"]
    assert in_it["basis"] == "same_incident"
    assert in_it["chance"] < 0.3 < get(client, **told)["chance"]["claimed"]["chance"]


def failed(count: int, message: str, **told: Any) -> None:
    """So many failures, recorded as documents are: each finds its pattern."""
    facts = {
        "action_type": "restart_pool",
        "incident_type": "latency",
        "environment": "production",
        "status": "failed",
        "error_message": message,
    }
    record([document(**facts | told) for _ in range(count)])


def test_it_tells_the_failure_patterns_to_expect_with_their_share(client: Client) -> None:
    failed(4, "connection to 10.0.0.1 refused")
    failed(2, "connection to 10.0.0.2 refused", incident_type="errors")
    failed(2, "disk is full")
    failed(2, "disk is full", environment="staging")
    failed(1, "never here", action_type="drain", incident_type="errors")
    record_rows([tried(True)])
    FailurePattern.objects.filter(template__startswith="connection").update(state="acknowledged")
    answer = get(client, action_type="restart_pool")
    first, second = answer["expected_failures"]
    pattern = FailurePattern.objects.get(template__startswith="connection")
    assert (first["pattern_id"], first["template"], first["state"]) == (
        str(pattern.pattern_id), pattern.template, "acknowledged",
    )  # fmt: skip
    assert (first["occurrences"], first["share"], second["occurrences"]) == (6, 0.6, 4)
    assert (second["template"], second["state"], second["action_type"]) == ("disk is full", "new", "restart_pool")
    assert answer["failures_looked_at"] == 10
    of_incident_type = get(client, incident_type="latency")
    assert [found["occurrences"] for found in of_incident_type["expected_failures"]] == [4, 4]
    in_production = get(client, incident_type="latency", environment="production")
    assert [found["occurrences"] for found in in_production["expected_failures"]] == [4, 2]


def test_it_tells_what_similar_incidents_ended_with(client: Client) -> None:
    ids = [ended("resolved" if i % 3 else "failed", minutes=10 * i) for i in range(1, 8)]
    ended("escalated", minutes=5, **verdict("worked"))
    came_back = ended("resolved", minutes=4, incident_id="INC-back")
    ended("in_progress", minutes=1, incident_id="INC-back", completed_at=None)
    ended("resolved", minutes=2, incident_type="errors")
    ended("in_progress", minutes=3, completed_at=None)
    similar = get(client, incident_type="latency")["similar_incidents"]
    assert (similar["resolved"], similar["failed"], similar["escalated"]) == (6, 2, 1)
    assert (similar["claimed"]["successes"], similar["claimed"]["n"]) == (6, 8)
    assert (similar["verified"]["successes"], similar["verified"]["n"]) == (1, 2)
    latest = similar["latest"]
    assert [found["incident_id"] for found in latest] == ["INC-back", "INC-5", "INC-10", "INC-20", "INC-30"]
    shown = [found["resolution_id"] for found in latest]
    assert (shown[0], shown[2:]) == (str(came_back), [str(id) for id in ids[:3]])
    assert [found["reopened"] for found in latest] == [True, False, False, False, False]
    assert latest[1]["verdict"] == "worked"
    assert get(client, action_type="restart_pool")["similar_incidents"] is None
    assert get(client, incident_type="latency", environment="test")["similar_incidents"]["latest"] == []


def test_it_says_when_its_figures_are_not_exact(client: Client) -> None:
    now = timezone.now()
    MetricRecount.objects.create(
        bucket_start=datetime(now.year, now.month, now.day, tzinfo=now.tzinfo), reason="missed", noted_at=now
    )
    assert get(client, incident_type="latency")["exact"] is False


def test_huge_parameters_of_the_past_cost_nothing(client: Client) -> None:
    record_rows([tried(True, parameters={"script": "line\n" * 500_000}), tried(True, parameters={"to": "a"})])
    answer = get(client, action_type="restart_pool", parameters='{"to": "a"}')
    assert answer["chance"]["claimed"]["levels"][1]["n"] == 2
    assert answer["chance"]["claimed"]["basis"] == "all_parameters"


def test_the_number_of_queries_does_not_grow_with_the_record(client: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            get(client, incident_type="latency", action_type="restart_pool", environment="production")
        return len(captured)

    def record_more(word: str) -> None:
        failed(2, f"{word} is broken")
        record_rows([tried(True, action_type=f"action-{word}")])
        ended("resolved", minutes=7)

    record_more("pump")
    few = queries()
    for word in ("valve", "engine", "wheel", "brake", "axle"):
        record_more(word)
    assert queries() == few <= 14  # with session, user and transaction


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("incident_type", "x" * 256),
        ("environment", "x" * 256),
        ("incident_id", "x" * 256),
        ("days_back", "0"),
        ("days_back", "3661"),
        ("days_back", "9" * 5000),
        ("days_back", "a week"),
        ("no_such_parameter", "1"),
        ("parameters", "["),
        ("parameters", "[]"),
        ("parameters", '"text"'),
        ("parameters", "17"),
        ("parameters", '{"a": NaN}'),
        ("parameters", '{"a": 1e99999}'),
        ("parameters", '{"a": 1e99999999999999999999}'),
        ("parameters", '{"a": ' + "9" * 400 + "}"),
        ("parameters", '{"a": "\\ud800"}'),
        ("parameters", '{"a": ' + "[" * 101 + "]" * 101 + "}"),
        ("parameters", "[" * 16000),
        ("parameters", json.dumps({"a": "x" * 16384})),
    ],
)
def test_a_parameter_that_is_not_valid_is_named(client: Client, name: str, value: str) -> None:
    answer = client.get(ADVICE, {"action_type": "restart_pool", name: value})
    assert answer.status_code == 400, answer.content
    error = answer.json()["error"]
    assert error["field"] == name
    assert error["message"]
    if name != "no_such_parameter":
        assert error["path"].startswith(name)


@pytest.mark.parametrize(
    "query", ["", "?environment=production", "?action_type=&incident_type=", "?action_type=a&action_type=b"]
)
def test_a_case_must_be_told(client: Client, query: str) -> None:
    answer = client.get(ADVICE + query)
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == "action_type"


@pytest.mark.parametrize("value", ["%00", "%ED%A0%80", "%7B%22a%22%3A%22%00%22%7D", "%FF"])
@pytest.mark.parametrize(
    "name", ["incident_type", "action_type", "environment", "parameters", "incident_id", "days_back"]
)
def test_an_address_that_is_no_text_is_refused(client: Client, name: str, value: str) -> None:
    assert client.get(f"{ADVICE}?{name}={value}").status_code == 400


@pytest.mark.parametrize(
    "text", ['{"a": ""}', '{"a": null, "b": {}, "c": []}', "{}", "null", " ", '{"": {"": 1}}', '{"a\\u0000": 1}']
)
def test_odd_parameters_are_parameters(client: Client, text: str) -> None:
    record_rows([tried(True, parameters={"a": ""}), tried(True)])
    get(client, action_type="restart_pool", parameters=text)


def test_the_door_is_for_those_who_may_read(client: Client) -> None:
    asked = {"incident_type": "latency"}
    assert Client().get(ADVICE, asked).status_code == 401
    _, writer = create_key(name="writer", scopes=["ingest"])
    _, reader = create_key(name="reader", scopes=["read"])
    assert Client().get(ADVICE, asked, headers={"Authorization": f"Bearer {writer}"}).status_code == 403
    assert Client().get(ADVICE, asked, headers={"Authorization": f"Bearer {reader}"}).status_code == 200
    assert client.get(ADVICE.rstrip("/"), asked).status_code == 200
    assert client.post(ADVICE, asked).status_code in (403, 405)
