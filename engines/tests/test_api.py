"""Reading engine instances over the API: figures, ranges, pages, filters."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from engines.queries import ACTIVE_WITHIN, LISTED_RANGES
from engines.tests.factories import make_journal

pytestmark = pytest.mark.django_db

NOW = timezone.now


def get(client: Client, address: str, status: int = 200, **query: Any) -> Any:
    answer = client.get(address, query)
    assert answer.status_code == status, answer.content
    return answer.json()


def test_what_is_missing_is_what_was_neither_stored_nor_refused(admin_client: Client) -> None:
    journal = make_journal(written=20, stored=[(2, 4), (7, 15)], refused=[(5, 5), (19, 20)])
    told = get(admin_client, f"/api/engines/{journal.journal_id}/")
    assert (told["written"], told["stored"], told["missing"], told["refused"]) == (20, 12, 5, 3)
    assert told["missing_numbers"] == [[1, 1], [6, 6], [16, 18]]
    assert told["refused_numbers"] == [[5, 5], [19, 20]]
    assert (told["missing_ranges"], told["refused_ranges"]) == (3, 2)
    assert told["host"] == "ops-1"
    assert get(admin_client, "/api/engines/")["results"] == [told]


def test_nothing_is_missing_of_an_empty_journal(admin_client: Client) -> None:
    journal = make_journal(written=0)
    told = get(admin_client, f"/api/engines/{journal.journal_id}")
    assert (told["written"], told["missing"], told["missing_numbers"], told["refused_numbers"]) == (0, 0, [], [])


def test_a_list_tells_few_ranges_and_how_many_there_are_and_the_detail_all(admin_client: Client) -> None:
    odd = [(number, number) for number in range(1, 100, 2)]
    journal = make_journal(written=100, stored=[], refused=odd)
    (listed,) = get(admin_client, "/api/engines/")["results"]
    whole = get(admin_client, f"/api/engines/{journal.journal_id}/")
    assert whole["refused_numbers"] == [list(one) for one in odd]
    assert whole["missing_numbers"] == [[number, number] for number in range(2, 101, 2)]
    for name in ("missing", "refused"):
        assert listed[f"{name}_numbers"] == whole[f"{name}_numbers"][:LISTED_RANGES]
        assert listed[f"{name}_ranges"] == whole[f"{name}_ranges"] == 50
        assert listed[name] == 50


def test_an_unknown_journal_is_404(admin_client: Client) -> None:
    assert get(admin_client, f"/api/engines/{uuid.uuid4()}/", 404)["error"]["code"] == "not_found"


def test_states_and_the_filter_for_active_ones(admin_client: Client) -> None:
    active = make_journal()
    silent = make_journal(last_heard_at=NOW() - ACTIVE_WITHIN - timedelta(seconds=1))
    closed = make_journal(closed_at=NOW())
    told = {one["journal_id"]: one["state"] for one in get(admin_client, "/api/engines/")["results"]}
    assert told == {str(active.pk): "active", str(silent.pk): "silent", str(closed.pk): "closed"}
    found = {
        value: {one["journal_id"] for one in get(admin_client, "/api/engines/", active=value)["results"]}
        for value in ("true", "false")
    }
    assert found == {"true": {str(active.pk)}, "false": {str(silent.pk), str(closed.pk)}}


def test_the_filter_for_an_engine_is_exact(admin_client: Client) -> None:
    alpha, _, _ = make_journal(engine="alpha"), make_journal(engine="alphabet"), make_journal(engine=None)
    assert [one["journal_id"] for one in get(admin_client, "/api/engines/", engine="alpha")["results"]] == [
        str(alpha.pk)
    ]


@pytest.mark.parametrize("query", [{"active": "maybe"}, {"engines": "x"}, {"limit": 0}, {"cursor": "x"}])
def test_a_parameter_that_is_not_understood_is_refused(admin_client: Client, query: dict[str, Any]) -> None:
    assert get(admin_client, "/api/engines/", 400, **query)["error"]["field"] == next(iter(query))


def test_pages_follow_each_other_the_last_heard_first(admin_client: Client) -> None:
    same = NOW() - timedelta(hours=1)
    heard = [same - timedelta(minutes=n // 3) for n in range(7)]
    journals = [make_journal(last_heard_at=at) for at in heard]
    expected = [str(one.pk) for one in sorted(journals, key=lambda one: (one.last_heard_at, one.pk), reverse=True)]
    found: list[str] = []
    address: str | None = "/api/engines/?limit=2"
    while address:
        page = get(admin_client, address)
        found += [one["journal_id"] for one in page["results"]]
        address = page["next"]
    assert found == expected


def test_queries_of_a_list_do_not_grow_with_its_rows(
    admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(30):
        make_journal(stored=[(2, 3)])
    with django_assert_max_num_queries(3):  # session, user, journals
        get(admin_client, "/api/engines/")
