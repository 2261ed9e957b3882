"""Statistics by group and over time, against figures computed by hand, and over HTTP."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from access.keys import create_key
from analytics.buckets import bucket_of
from analytics.figures import GroupsLeftOut, Rate
from analytics.histogram import bin_of
from analytics.models import MetricRecount
from analytics.queries import Dimensions, action_statistics, metrics
from analytics.rollups import Counts, Key, add_to_stored
from analytics.statistics import incident_statistics, statistics
from analytics.summaries.sealing import seal
from analytics.tests.recording import START, attempt, ended, record_resolution, record_rows, resolution
from analytics.windows import MAX_BUCKETS, Series, local_buckets, series_of, window_between, window_named

pytestmark = pytest.mark.django_db

UTC_ZONE = ZoneInfo("UTC")
HOUR = timedelta(hours=1)
ADDRESS = "/api/statistics/"
INCIDENTS = "/api/statistics/incidents/"


def series(days: float = 7, zone: str = "UTC", length: str | None = None) -> Series:
    """The window of so many days around START."""
    return series_of(window_between(START - timedelta(days=days), START + HOUR), ZoneInfo(zone), length)


@pytest.fixture(params=[False, True], ids=["from rollups", "from summaries"])
def sealed(request: pytest.FixtureRequest) -> Any:
    """Called before reading: once nothing is summed up, once all is."""
    return seal if request.param else lambda: None


def test_rates_and_durations_are_those_computed_by_hand(sealed: Any) -> None:
    record_rows(
        [
            *(ended(seconds) for seconds in (1, 2, 3, 4, 5, 6, 7)),
            *(ended(seconds, status="failed") for seconds in (8, 10)),
            ended(74, status="failed", execution_time_seconds=None),
            attempt(status="skipped"),
            attempt(),
        ]
    )
    sealed()
    total = statistics(series()).total
    assert (total.total, total.by_status["success"], total.by_status["failed"]) == (12, 7, 3)
    # Wilson, 7 of 10, z = 1.959964: (0.7 + 0.192073 +/- 1.959964 sqrt(0.021 + 0.0096036)) / 1.384146
    assert (total.claimed.successes, total.claimed.n, total.claimed.rate) == (7, 10, 0.7)
    assert total.claimed.low == pytest.approx(0.396778, abs=1e-6)
    assert total.claimed.high == pytest.approx(0.892209, abs=1e-6)
    assert total.verified == Rate(successes=0, n=0, rate=None, low=None, high=None)
    assert total.unverified == 12
    # 1 + 2 + ... + 8 + 10 + 74 = 120 of 10; between 5 and 6 half way; 8.2 = ranks 8 and 9 at 0.55 and 0.91 between
    assert total.durations.mean == 12.0
    assert total.durations.p50 == pytest.approx(5.5, rel=0.04)
    assert total.durations.p95 == pytest.approx(10 + 0.55 * 64, rel=0.04)
    assert total.durations.p99 == pytest.approx(10 + 0.91 * 64, rel=0.04)
    assert total.durations.slowest == pytest.approx(74, rel=0.04)
    assert total.durations.n == 10


def test_verified_rates_rest_on_verdicts_alone(sealed: Any) -> None:
    verdicts = ["worked", "worked", "worked", "no_effect", "made_worse", "unknown", None, None]
    record_rows([ended(1, verdict=verdict, verdict_at=START if verdict else None) for verdict in verdicts])
    sealed()
    total = statistics(series()).total
    assert (total.claimed.rate, total.claimed.n) == (1.0, 8)
    assert (total.verified.successes, total.verified.n, total.verified.rate) == (3, 5, 0.6)
    # Wilson, 3 of 5: (0.6 + 0.384146 +/- 1.959964 sqrt(0.048 + 0.0384146)) / 1.7682918
    assert total.verified.low == pytest.approx(0.230724, abs=1e-6)
    assert total.verified.high == pytest.approx(0.882379, abs=1e-6)
    assert total.unverified == 3


def test_a_resolution_that_came_back_counts_against_the_verified_rate(sealed: Any) -> None:
    """An incident that was resolved, and an hour later worked on again, in vain; others ended otherwise."""
    for incident, status, begun, told in [
        ("INC-1", "resolved", START, {"verdict": "worked", "verdict_at": START}),
        ("INC-2", "resolved", START - 2 * HOUR, {}),
        ("INC-2", "failed", START, {}),
        ("INC-3", "escalated", START, {}),
    ]:
        ended_at = begun + HOUR
        record_resolution(
            resolution(incident_id=incident, status=status, started_at=begun, completed_at=ended_at, **told)
        )
    sealed()
    total = statistics(series(), subject="resolution").total
    assert total.by_status == {"in_progress": 0, "abandoned": 0, "resolved": 2, "failed": 1, "escalated": 1}
    assert (total.claimed.successes, total.claimed.n) == (2, 3)
    assert (total.verified.successes, total.verified.n, total.unverified) == (1, 2, 2)


GROUPS: dict[str, list[tuple[dict[str, str], int, float | None]]] = {
    "none": [],
    "action_type": [({"action_type": "restart"}, 4, 0.5), ({"action_type": "scale"}, 2, 1.0)],
    "incident_type": [({"incident_type": "latency"}, 5, 0.8), ({"incident_type": ""}, 1, 0.0)],
    "engine": [({"engine": "a"}, 6, 4 / 6)],
    "engine_version": [
        ({"engine": "a", "engine_version": "1"}, 3, 1.0),
        ({"engine": "a", "engine_version": "2"}, 3, 1 / 3),
    ],
    "environment": [({"environment": ""}, 6, 4 / 6)],
    "action_and_incident_type": [
        ({"action_type": "restart", "incident_type": "latency"}, 3, 2 / 3),
        ({"action_type": "scale", "incident_type": "latency"}, 2, 1.0),
        ({"action_type": "restart", "incident_type": ""}, 1, 0.0),
    ],
}


@pytest.mark.parametrize("group_by", GROUPS)
def test_groups_are_told_apart(group_by: str, sealed: Any) -> None:
    record_rows(
        [
            ended(engine="a", engine_version=version, action_type=action, incident_type=incident, status=status)
            for version, action, incident, status in [
                ("1", "restart", "latency", "success"),
                ("1", "restart", "latency", "success"),
                ("1", "scale", "latency", "success"),
                ("2", "scale", "latency", "success"),
                ("2", "restart", "latency", "failed"),
                ("2", "restart", None, "failed"),
            ]
        ]
    )
    sealed()
    found = statistics(series(), group_by=group_by)
    assert [(group.group, group.total, group.claimed.rate) for group in found.groups] == GROUPS[group_by]
    assert found.groups_left_out == GroupsLeftOut(groups=0, total=0)
    cut = statistics(series(), group_by=group_by, limit=1)
    assert [(group.group, group.total, group.claimed.rate) for group in cut.groups] == GROUPS[group_by][:1]
    rest = GROUPS[group_by][1:]
    assert cut.groups_left_out == GroupsLeftOut(groups=len(rest), total=sum(total for _, total, _ in rest))


@pytest.mark.parametrize("name", Dimensions._fields)
def test_figures_are_narrowed_by_each_dimension(name: str, sealed: Any) -> None:
    record_rows([ended(1, **{name: "this"}), ended(1, **{name: "that"}), ended(1, **{name: "this"}, status="failed")])
    sealed()
    found = statistics(series(), dimensions=Dimensions(**{name: "this"}), group_by="action_and_incident_type")
    assert (found.total.total, found.total.claimed.rate, sum(bucket.total for bucket in found.buckets)) == (2, 0.5, 2)
    assert sum(group.total for group in found.groups) == 2


@pytest.mark.parametrize("length", ["15m", "hour", "day", "week"])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "America/New_York", "Australia/Lord_Howe"])
def test_each_bucket_counts_what_started_in_it(zone: str, length: str, sealed: Any) -> None:
    starts = [START - timedelta(minutes=47 * number) for number in range(200)]
    record_rows([attempt(started_at=start) for start in starts])
    sealed()
    found = statistics(series(7, zone, length))
    assert [bucket.total for bucket in found.buckets] == [
        sum(bucket.start <= start < bucket.end for start in starts) for bucket in found.buckets
    ]
    assert found.total.total == 200
    assert found.bucket == length
    assert all(bucket.local_start == bucket.start for bucket in found.buckets)
    assert {bucket.local_start.utcoffset() for bucket in found.buckets} == {
        START.astimezone(ZoneInfo(zone)).utcoffset()
    }


def lengths(zone: str, start: datetime, end: datetime, length: str) -> list[float]:
    """The hours of each bucket."""
    return [
        (bucket.end - bucket.start) / HOUR
        for bucket in local_buckets(window_between(start, end), ZoneInfo(zone), length)
    ]


def test_buckets_follow_the_clocks_of_the_zone() -> None:
    new_york = "America/New_York"
    spring = datetime(2025, 3, 9, 5, tzinfo=UTC)  # the local midnight of the day that has 23 hours
    assert lengths(new_york, spring, spring + 71 * HOUR, "day") == [23, 24, 24]
    assert lengths(new_york, datetime(2025, 11, 2, 4, tzinfo=UTC), datetime(2025, 11, 3, 5, tzinfo=UTC), "day") == [25]
    assert (
        lengths(new_york, datetime(2025, 11, 2, 4, tzinfo=UTC), datetime(2025, 11, 3, 5, tzinfo=UTC), "hour")
        == [1] * 25
    )
    # Lord Howe's clocks go back by half an hour, at 2:00 to 1:30.
    back = datetime(2025, 4, 5, 14, tzinfo=UTC)  # 1:00
    assert lengths("Australia/Lord_Howe", back, back + 3 * HOUR, "hour") == [1, 0.5, 1, 0.5]
    # Kathmandu is 5:45 ahead: its hours begin at a quarter past ours.
    assert lengths("Asia/Kathmandu", back, back + 2 * HOUR, "hour") == [0.25, 1, 0.75]
    # Samoa skipped 30 December 2011.
    samoa = datetime(2011, 12, 29, 10, tzinfo=UTC)
    assert lengths("Pacific/Apia", samoa, samoa + 48 * HOUR, "day") == [24, 24]


def test_weeks_begin_on_monday() -> None:
    window = window_between(datetime(2025, 3, 5, tzinfo=UTC), datetime(2025, 3, 25, tzinfo=UTC))
    buckets = local_buckets(window, ZoneInfo("Europe/Berlin"), "week")
    assert [bucket.start.astimezone(ZoneInfo("Europe/Berlin")).strftime("%a %d %H:%M") for bucket in buckets] == [
        "Wed 05 01:00", "Mon 10 00:00", "Mon 17 00:00", "Mon 24 00:00"
    ]  # fmt: skip


def test_buckets_leave_no_gap_and_are_bounded() -> None:
    window = window_named("400d", now=START)
    for length in ("day", "week"):
        buckets = local_buckets(window, ZoneInfo("America/New_York"), length)
        assert [bucket.end for bucket in buckets[:-1]] == [bucket.start for bucket in buckets[1:]]
        assert (buckets[0].start, buckets[-1].end) == (window.start, window.end)
    with pytest.raises(ValueError, match=f"more than {MAX_BUCKETS}"):
        local_buckets(window, UTC_ZONE, "hour")


def test_metrics_and_action_statistics_tell_the_same_rates() -> None:
    record_rows([ended(seconds, verdict="worked", verdict_at=START) for seconds in (1, 2)])
    record_rows([ended(9, status="failed", verdict="no_effect", verdict_at=START), attempt()])
    window = window_named("1d", now=START + HOUR)
    same = statistics(series_of(window, UTC_ZONE), group_by="action_type")
    of_metrics = metrics(window)
    of_actions = action_statistics(days_back=1, zone=UTC_ZONE, now=START + HOUR)
    for told in (of_metrics.attempts, of_actions, of_metrics.by_action_type[0], of_actions.by_action_type[0]):
        assert (told.claimed, told.verified, told.unverified) == (
            same.total.claimed,
            same.total.verified,
            same.total.unverified,
        )
        assert told.durations == same.total.durations
    assert (same.total.claimed.n, same.total.verified.n, same.total.unverified) == (3, 3, 1)
    assert of_metrics.attempts.success_rate == same.total.claimed.rate == same.groups[0].claimed.rate


@pytest.mark.parametrize("known", [True, False])
def test_figures_say_whether_they_are_exact(known: bool) -> None:
    noted = START if not known else START - timedelta(days=30)
    MetricRecount.objects.create(bucket_start=noted, reason="test", noted_at=START)
    assert statistics(series()).exact is known
    assert incident_statistics(series()).exact is known


def close(outcome: str, hours: float | None = None, count: int = 1, at: datetime = START, **told: str) -> None:
    """Count incidents that closed then, resolved after so many hours."""
    key = Key(
        bucket_of(at),
        "incident",
        "",
        *(told.get(name, "") for name in ("incident_type", "engine", "engine_version", "environment")),
    )
    counts: Counts = {outcome: count}
    if hours is not None:
        counts |= {bin_of(hours * 3600): count, "duration_microseconds": round(count * hours * 3.6e9)}
    add_to_stored({key: counts})


def test_automation_rate_and_time_to_resolution(sealed: Any) -> None:
    close("resolved", 1, 6, incident_type="latency", environment="prod")
    close("resolved", 3, 2, START - 30 * HOUR, incident_type="latency")
    close("escalated", 10, 1, incident_type="disk")
    close("escalated", None, 2, incident_type="disk", engine="b")
    close("failed", None, 1, engine="b")
    sealed()
    found = incident_statistics(series(), group_by="incident_type")
    total = found.total
    assert (total.closed, total.automated, total.escalated, total.failed) == (12, 8, 3, 1)
    # Wilson, 8 of 12: (0.666667 + 0.160061 +/- 1.959964 sqrt(0.0185185 + 0.0066692)) / 1.320122
    assert (total.automation_rate.successes, total.automation_rate.n) == (8, 12)
    assert total.automation_rate.low == pytest.approx(0.390622, abs=1e-5)
    assert total.automation_rate.high == pytest.approx(0.861876, abs=1e-5)
    # 6 of 1 h, 2 of 3 h, one of 10 h: 22 h of 9
    assert total.time_to_resolution.n == 9
    assert total.time_to_resolution.mean == pytest.approx(22 * 3600 / 9)
    assert total.time_to_resolution.slowest == pytest.approx(36000, rel=0.04)
    assert [(group.group["incident_type"], group.closed, group.automation_rate.rate) for group in found.groups] == [
        ("latency", 8, 1.0),
        ("disk", 3, 0.0),
        ("", 1, 0.0),
    ]
    assert [bucket.closed for bucket in found.buckets if bucket.closed] == [2, 10]
    assert incident_statistics(series(), dimensions=Dimensions(environment="prod")).total.automated == 6
    assert statistics(series()).total.total == 0


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(User.objects.create_user("operator"))
    return client


@pytest.mark.parametrize("address", [ADDRESS, ADDRESS.rstrip("/"), INCIDENTS, INCIDENTS.rstrip("/")])
def test_statistics_are_for_those_who_may_read(client: Client, address: str) -> None:
    assert client.get(address).status_code == 200
    assert Client().get(address).status_code == 401
    assert client.post(address).status_code == 405
    for scope, status in (("read", 200), ("ingest", 403)):
        _, secret = create_key(name=scope, scopes=[scope])
        assert Client().get(address, headers={"Authorization": f"Bearer {secret}"}).status_code == status


def test_what_is_asked_is_answered(client: Client) -> None:
    now = timezone.now()
    record_rows([ended(started_at=now, completed_at=now + timedelta(seconds=2), environment="prod", engine="a")])
    record_rows([attempt(started_at=now - timedelta(days=8), environment="prod")])
    answer = client.get(ADDRESS, {"group_by": "engine", "environment": "prod", "bucket": "day"}).json()
    assert answer["total"]["total"] == 1
    assert answer["groups"][0]["group"] == {"engine": "a"}
    assert answer["groups"][0]["durations"]["mean"] == 2
    assert len(answer["buckets"]) == 8
    assert (answer["window"]["name"], answer["bucket"], answer["exact"]) == ("7d", "day", True)
    told = {"start": (now - timedelta(days=9)).isoformat(), "end": (now - timedelta(days=7)).isoformat()}
    assert client.get(ADDRESS, told).json()["total"]["total"] == 1
    assert client.get(ADDRESS, {"start": told["start"]}).json()["total"]["total"] == 2


@pytest.mark.parametrize("address", [ADDRESS, INCIDENTS])
@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"window": "1w"}, "window"),
        ({"window": "9" * 5000 + "d"}, "window"),
        ({"bucket": "month"}, "bucket"),
        ({"bucket": "15m", "window": "90d"}, "bucket"),
        ({"timezone": "Mars"}, "timezone"),
        ({"limit": "0"}, "limit"),
        ({"limit": "1001"}, "limit"),
        ({"limit": "9" * 5000}, "limit"),
        ({"group_by": "target"}, "group_by"),
        ({"start": "2026-01-01"}, "start"),
        ({"start": "2026-01-01T00:00:00"}, "start"),
        ({"start": "0001-01-01T00:00:00+14:00"}, "start"),
        ({"start": "9999-12-31T23:59:59-12:00"}, "start"),
        ({"start": "1970-01-01T00:00:00Z"}, "start"),
        ({"start": "2026-01-02T00:00:00Z", "end": "2026-01-01T00:00:00Z"}, "start"),
        ({"end": "2026-01-01T00:00:00Z"}, "end"),
        ({"start": "2026-01-01T00:00:00Z", "window": "7d"}, "window"),
        ({"environment": "x" * 256}, "environment"),
        ({"no_such_parameter": "1"}, "no_such_parameter"),
    ],
)
def test_a_parameter_that_is_not_valid_is_named(client: Client, address: str, told: dict[str, str], field: str) -> None:
    answer = client.get(address, told)
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == field
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize("name", ["window", "start", "timezone", "group_by", "engine_version", "limit"])
def test_what_is_no_text_is_refused(client: Client, name: str) -> None:
    for value in ("7d\0", "\ud800"):
        answer = client.get(ADDRESS + "?" + urlencode({name: value}, errors="surrogatepass"))
        assert answer.status_code == 400
        assert "query string" in answer.json()["error"]["message"]


@pytest.mark.parametrize(("name", "value"), [("action_type", "restart"), ("group_by", "action_type")])
def test_resolutions_and_incidents_have_no_action_type(client: Client, name: str, value: str) -> None:
    for address, told in ((ADDRESS, {"subject": "resolution"}), (INCIDENTS, {})):
        answer = client.get(address, {**told, name: value})
        assert (answer.status_code, answer.json()["error"]["field"]) == (400, name)


@pytest.mark.parametrize("address", [ADDRESS, INCIDENTS])
def test_queries_do_not_grow_with_groups_and_buckets(
    client: Client, address: str, django_assert_max_num_queries: Any
) -> None:
    now = timezone.now()
    record_rows([ended(started_at=now - HOUR * number, engine=f"e{number}") for number in range(60)])
    for asked in ({"window": "1h"}, {"window": "30d", "bucket": "hour", "group_by": "engine"}):
        # session and user, a savepoint, three of counts, one of exactness
        with django_assert_max_num_queries(9):
            assert client.get(address, asked).status_code == 200
