"""The view action_success_by_day shows the very figures of the API, which reads them from the rollups."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import msgspec
import pytest

from analytics.queries import metrics
from analytics.rebuild import recount
from analytics.windows import Window
from attempts.tests.test_views import make_a_mixture
from attempts.tests.views import rows_of

pytestmark = pytest.mark.django_db


def test_every_row_of_the_view_equals_the_figures_of_its_action_type_on_its_day() -> None:
    make_a_mixture()
    list(recount(repair=True))
    found: dict[Any, dict[str, Any]] = {}
    for row in rows_of("action_success_by_day"):
        found.setdefault(row.pop("day"), {})[row.pop("action_type")] = row
    assert len(found) == 2
    for day, by_type in found.items():
        start = datetime.combine(day, time(), UTC)
        figures = metrics(Window("day", start, start + timedelta(days=1)))
        assert figures.exact
        assert by_type == {
            of_type.action_type: {
                "attempts": of_type.total,
                "success_rate": of_type.success_rate,
                **msgspec.structs.asdict(of_type.by_status),
            }
            for of_type in figures.by_action_type
        }
        assert sum(row["attempts"] for row in by_type.values()) == figures.attempts.total
