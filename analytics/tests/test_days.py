"""Statistics by day: events around midnight are counted in the right local day, from the rollups."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from analytics.queries import Dimensions, action_statistics
from analytics.tests.recording import attempt, ended, record_rows
from attempts.models import ActionAttempt

pytestmark = pytest.mark.django_db

NOW = datetime(2025, 3, 12, 12, 0, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("zone", "midnight"),
    [
        ("Asia/Kolkata", datetime(2025, 3, 9, 18, 30, tzinfo=UTC)),
        ("Asia/Kathmandu", datetime(2025, 3, 9, 18, 15, tzinfo=UTC)),
        ("America/New_York", datetime(2025, 3, 10, 4, 0, tzinfo=UTC)),  # the day before has 23 hours
    ],
)
def test_what_starts_around_midnight_counts_for_its_local_day(zone: str, midnight: datetime) -> None:
    record_rows([attempt(started_at=midnight - MOMENT) for _ in range(3)] + [ended(started_at=midnight)])
    days = {day.date: day for day in action_statistics(days_back=7, zone=ZoneInfo(zone), now=NOW).by_day}
    assert days[date(2025, 3, 9)].total == days[date(2025, 3, 9)].by_status.in_progress == 3
    assert days[date(2025, 3, 10)].total == days[date(2025, 3, 10)].by_status.success == 1


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Asia/Kathmandu", "America/New_York", "UTC"])
def test_each_day_equals_a_count_of_the_record_by_local_date(zone: str) -> None:
    starts = [NOW - timedelta(minutes=13 * number) for number in range(700)]
    record_rows([attempt(started_at=start) for start in starts])
    figures = action_statistics(days_back=7, zone=ZoneInfo(zone), now=NOW)
    local_dates = [start.astimezone(ZoneInfo(zone)).date() for start in starts]
    counted = {day.date: day.total for day in figures.by_day if day.total}
    assert counted == {day: local_dates.count(day) for day in set(local_dates)}
    assert figures.total_attempts == 700


def test_a_day_of_25_hours_is_one_day() -> None:
    zone = ZoneInfo("America/New_York")
    record_rows([attempt(started_at=datetime(2025, 11, 2, hour, 30, tzinfo=UTC)) for hour in range(3, 24)])
    days = action_statistics(days_back=3, zone=zone, now=datetime(2025, 11, 4, tzinfo=UTC)).by_day
    assert [(day.date.day, day.total) for day in days] == [(31, 0), (1, 1), (2, 20), (3, 0)]


def test_statistics_by_day_and_type_add_up_to_the_total() -> None:
    record_rows([ended(started_at=NOW - timedelta(hours=7 * n), action_type=f"t{n % 3}") for n in range(20)])
    record_rows([ended(status="failed", started_at=NOW, execution_time_seconds=3.0, environment="prod")])
    figures = action_statistics(days_back=30, zone=ZoneInfo("UTC"), now=NOW)
    assert (figures.total_attempts, figures.successful, figures.failed, figures.n) == (21, 20, 1, 21)
    assert figures.success_rate == pytest.approx(20 / 21)
    assert sum(day.total for day in figures.by_day) == sum(part.total for part in figures.by_action_type) == 21
    assert len(figures.by_day) == 31
    narrowed = action_statistics(days_back=30, zone=ZoneInfo("UTC"), now=NOW, dimensions=Dimensions(environment="prod"))
    assert (narrowed.total_attempts, narrowed.failed, narrowed.durations.n) == (1, 1, 1)


def test_the_window_told_selects_the_same_attempts() -> None:
    record_rows([attempt(started_at=NOW - timedelta(hours=hours)) for hours in range(0, 60, 3)])
    figures = action_statistics(days_back=1, zone=ZoneInfo("UTC"), now=NOW)
    listed = ActionAttempt.objects.filter(
        effective_started_at__gte=figures.window.start, effective_started_at__lt=figures.window.end
    )
    assert figures.total_attempts == listed.count() == 9
