"""Metrics and statistics over HTTP."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from analytics.tests.recording import attempt, ended, record_rows

pytestmark = pytest.mark.django_db

METRICS = "/api/resolution-monitor/metrics"
STATISTICS = "/api/action-attempts/statistics/"


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(User.objects.create_user("operator"))
    return client


def get(client: Client, address: str, **parameters: Any) -> Any:
    answer = client.get(address, parameters)
    assert answer.status_code == 200, answer.content
    return answer.json()


@pytest.mark.parametrize("address", [METRICS, METRICS + "/", STATISTICS, STATISTICS.rstrip("/")])
def test_figures_are_read_with_and_without_the_slash_and_not_by_strangers(client: Client, address: str) -> None:
    assert client.get(address).status_code == 200
    assert Client().get(address).status_code == 401


def test_metrics_tell_window_counts_and_exactness(client: Client) -> None:
    now = timezone.now()
    record_rows([ended(started_at=now, completed_at=now + timedelta(seconds=2), environment="prod")])
    record_rows([attempt(started_at=now - timedelta(hours=30), environment="prod")])
    answer = get(client, METRICS, window="24h", environment="prod")
    assert answer["attempts"]["by_status"] == {
        "pending": 0, "in_progress": 0, "abandoned": 0, "success": 1, "failed": 0, "skipped": 0, "cancelled": 0
    }  # fmt: skip
    assert answer["attempts"]["in_progress"] == 1
    assert answer["attempts"]["success_rate"] == 1
    assert answer["exact"] is True
    window = answer["window"]
    assert (window["name"], window["bucket_seconds"]) == ("24h", 900)
    start, end = (datetime.fromisoformat(window[bound]) for bound in ("start", "end"))
    assert start <= now - timedelta(hours=24)
    assert now < end <= now + timedelta(minutes=16)
    assert get(client, METRICS, environment="test")["attempts"]["total"] == 0
    assert get(client, METRICS, environment="")["attempts"]["total"] == 1
    assert get(client, METRICS, window="48h")["attempts"]["total"] == 2


def test_the_window_told_selects_the_list_behind_the_number(client: Client) -> None:
    window = get(client, METRICS, window="1h")["window"]
    start, end = (datetime.fromisoformat(window[bound]) for bound in ("start", "end"))
    moment = timedelta(microseconds=1)
    record_rows([attempt(started_at=at) for at in (start - moment, start, end - moment, end)])
    answer = get(client, METRICS, window="1h")
    bounds = {"started_after": answer["window"]["start"], "started_before": answer["window"]["end"]}
    assert answer["attempts"]["total"] == len(get(client, "/api/action-attempts/", **bounds)["results"]) == 2


def test_statistics_tell_totals_types_and_days(client: Client) -> None:
    now = timezone.now()
    record_rows([ended(started_at=now), ended(started_at=now - timedelta(days=3), status="failed")])
    answer = get(client, STATISTICS, days_back=7, timezone="Asia/Kathmandu")
    assert (answer["days_back"], answer["timezone"]) == (7, "Asia/Kathmandu")
    assert (answer["total_attempts"], answer["successful"], answer["failed"], answer["n"]) == (2, 1, 1, 2)
    assert (answer["success_rate"], answer["exact"]) == (0.5, True)
    assert [day["total"] for day in answer["by_day"] if day["total"]] == [1, 1]
    assert get(client, STATISTICS, days_back=1)["total_attempts"] == 1
    assert get(client, STATISTICS, action_type="other")["total_attempts"] == 0


@pytest.mark.parametrize(
    ("address", "name", "value"),
    [
        (METRICS, "window", "1w"),
        (METRICS, "window", "99999d"),
        (METRICS, "environment", "x" * 256),
        (METRICS, "windows", "24h"),
        (STATISTICS, "days_back", "0"),
        (STATISTICS, "days_back", "3661"),
        (STATISTICS, "days_back", "a week"),
        (STATISTICS, "days_back", "9" * 5000),
        (STATISTICS, "timezone", "Mars/Olympus"),
        (STATISTICS, "timezone", "x" * 5000),
    ],
)
def test_a_parameter_that_is_not_valid_is_named(client: Client, address: str, name: str, value: str) -> None:
    answer = client.get(address, {name: value})
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == name
    assert answer.json()["error"]["message"]


def test_the_longest_statistics_are_answered(client: Client) -> None:
    assert len(get(client, STATISTICS, days_back=3660)["by_day"]) == 3661
