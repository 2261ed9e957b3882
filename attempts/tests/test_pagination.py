"""Pages lose nothing and double nothing: ties, rows inserted meanwhile, cursors that do not belong."""

import random
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from access.keys import create_key
from attempts.api import pagination
from attempts.api.pagination import MAX_LIMIT, PageRequest, after_position
from attempts.keyset import Position
from attempts.models import ActionAttempt
from attempts.tests.stored import NOON, store_attempts

pytestmark = pytest.mark.django_db

LIST = "/api/action-attempts/"
MICROSECOND = timedelta(microseconds=1)


@pytest.fixture
def client() -> Client:
    _, token = create_key(name="reader", scopes=["read"])
    return Client(headers={"Authorization": f"Bearer {token}"})


def pages(client: Client, address: str) -> Iterator[list[dict[str, Any]]]:
    following: str | None = address
    while following:
        answer = client.get(following).json()
        yield answer["results"]
        following = answer["next"]


@pytest.mark.parametrize("ordering", ["started_at", "-started_at", "received_at", "-received_at"])
@pytest.mark.parametrize("limit", [1, 3, 10, MAX_LIMIT])
def test_pages_together_are_the_list(client: Client, ordering: str, limit: int) -> None:
    chosen = random.Random(limit)
    store_attempts(
        *[
            {
                "started_at": NOON + MICROSECOND * chosen.randrange(4),
                "received_at": NOON + MICROSECOND * chosen.randrange(4),
            }
            for _ in range(31)
        ]
    )
    found = [row for page in pages(client, f"{LIST}?ordering={ordering}&limit={limit}") for row in page]
    assert len({row["attempt_id"] for row in found}) == len(found) == 31
    column = "effective_started_at" if "started" in ordering else "received_at"
    keys = [(datetime.fromisoformat(row[column]), row["attempt_id"]) for row in found]
    assert keys == sorted(keys, reverse=ordering.startswith("-"))


def test_filters_go_along_from_page_to_page(client: Client) -> None:
    store_attempts(*[{"engine": engine} for engine in "ab" * 5])
    found = [row["engine"] for page in pages(client, f"{LIST}?engine=a&limit=2") for row in page]
    assert found == ["a"] * 5


def test_a_page_of_large_rows_ends_early_and_loses_nothing(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagination, "MAX_BYTES", 50_000)
    stored = store_attempts(*[{"result": "x" * 20_000, "started_at": NOON + MICROSECOND * (n // 4)} for n in range(40)])
    found = [[row["attempt_id"] for row in page] for page in pages(client, f"{LIST}?limit=30")]
    assert max(len(page) for page in found) == 3
    assert sorted(id for page in found for id in page) == sorted(str(attempt.pk) for attempt in stored)


def test_rows_inserted_while_paging_shift_nothing(client: Client) -> None:
    before = {
        str(attempt.pk)
        for attempt in store_attempts(*[{"started_at": NOON + MICROSECOND * (n // 3)} for n in range(30)])
    }
    found: list[str] = []
    for page in pages(client, f"{LIST}?limit=4"):
        found += [row["attempt_id"] for row in page]
        # At the head, at the tail, and as ties of the last row seen, on both sides of it.
        last = page[-1]["effective_started_at"]
        if len(found) < 30:
            store_attempts(
                {"started_at": NOON + timedelta(days=1)},
                {"started_at": NOON - timedelta(days=1)},
                {"started_at": last, "attempt_id": uuid.UUID(int=len(found))},
                {"started_at": last, "attempt_id": uuid.UUID(int=2**128 - len(found))},
            )
    assert len(set(found)) == len(found)
    assert before <= set(found)


def test_a_cursor_that_was_changed_or_belongs_elsewhere_is_refused(client: Client) -> None:
    store_attempts({}, {})
    cursor = client.get(LIST, {"limit": 1}).json()["next_cursor"]
    changed = ("A" if cursor[0] != "A" else "B") + cursor[1:]
    assert client.get(LIST, {"cursor": cursor}).status_code == 200
    for address, parameters in [
        (LIST, {"cursor": changed}),
        (LIST, {"cursor": cursor[:-1]}),
        (LIST, {"cursor": cursor + "A"}),
        (LIST, {"cursor": cursor, "ordering": "started_at"}),
        ("/api/resolution-attempts/", {"cursor": cursor}),
        ("/api/resolution-monitor/recent", {"cursor": cursor}),
    ]:
        response = client.get(address, parameters)
        assert response.status_code == 400, (address, parameters)
        assert response.json()["error"]["field"] == "cursor"


def test_only_the_rows_of_the_page_are_made_into_json(client: Client) -> None:
    """received_at has no index: PostgreSQL sorts all rows, and must not do more than that to each of them."""
    store_attempts(*[{"received_at": NOON + timedelta(seconds=n), "result": "x" * 9000} for n in range(300)])
    with CaptureQueriesContext(connection) as queries:
        assert len(client.get(f"{LIST}?ordering=received_at&limit=5").json()["results"]) == 5
    (sql,) = [query["sql"] for query in queries if "row_to_json" in query["sql"]]
    with connection.cursor() as cursor:
        # What was vacuumed before may be held for empty.
        cursor.execute("ANALYZE action_attempts")
        cursor.execute("EXPLAIN (VERBOSE, FORMAT JSON) " + sql.partition(" FOR ")[2])
        plan = cursor.fetchone()[0][0]["Plan"]
    assert sorted_with(plan, "row_to_json") == [6]


def sorted_with(plan: dict[str, Any], output: str) -> list[int]:
    """The rows that each sort expects which carries this output."""
    here = plan["Node Type"].endswith("Sort") and any(output in column for column in plan["Output"])
    below = [rows for child in plan.get("Plans", []) for rows in sorted_with(child, output)]
    return [plan["Plan Rows"], *below] if here else below


@pytest.mark.parametrize("ordering", ["-started_at", "started_at"])
def test_a_late_page_is_read_from_the_index_where_it_starts(ordering: str) -> None:
    rows = store_attempts(*[{"started_at": NOON + timedelta(seconds=n)} for n in range(6000)])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE action_attempts")
    middle = rows[3000]
    page = PageRequest(limit=30, ordering=ordering, after=Position(NOON + timedelta(seconds=3000), middle.pk))
    plan = after_position(ActionAttempt.objects.all(), page, time="effective_started_at", id_name="attempt_id").explain(
        analyze=True
    )
    assert "using action_attempts_by_start" in plan
    assert "Index Cond: (ROW(effective_started_at, attempt_id)" in plan
    assert "Rows Removed by Filter" not in plan
    assert "Sort" not in plan
