import uuid

import pytest
from pytest_django import DjangoAssertNumQueries

from resolutions.feed.entries import head
from resolutions.newest import Change, changes_of, newest_changes
from resolutions.tests.recorded import attempt, record, resolution

pytestmark = pytest.mark.django_db


def named(changes: list[Change]) -> list[str]:
    return [
        str(change.attempt.attempt_id if change.attempt else change.resolution and change.resolution.resolution_id)
        for change in changes
    ]


def test_what_changed_last_comes_first_and_once() -> None:
    first, second, session = attempt(), attempt(), resolution()
    record([first])
    record([], [session])
    record([second])
    record([first | {"status": "success"}])
    newest = newest_changes()
    assert named(newest.changes) == [first["attempt_id"], second["attempt_id"], session["resolution_id"]]
    assert newest.changes[0].attempt is not None
    assert newest.changes[0].attempt.status == "success"
    assert newest.cursor == head()


def test_one_environment_is_shown_alone() -> None:
    staging = attempt(environment="staging")
    session = resolution(environment="staging")
    record([staging, attempt(environment="production"), attempt()], [session])
    assert set(named(newest_changes(environment="staging").changes)) == {
        staging["attempt_id"],
        session["resolution_id"],
    }


def test_the_list_is_bounded_and_so_are_its_queries(django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    for _ in range(3):
        record([attempt() for _ in range(30)], [resolution()])
    with django_assert_max_num_queries(4):
        assert len(newest_changes(limit=40).changes) == 40


def test_rows_come_in_the_order_asked_for_without_what_does_not_exist() -> None:
    told, session = attempt(), resolution()
    record([told], [session])
    ids = [uuid.UUID(session["resolution_id"]), uuid.uuid4(), uuid.UUID(told["attempt_id"])]
    assert named(changes_of(ids)) == [session["resolution_id"], told["attempt_id"]]


def test_a_huge_value_does_not_travel_to_the_list() -> None:
    record([attempt(result="x" * 100_000)])
    (change,) = newest_changes().changes
    assert change.attempt is not None
    assert bytes(change.attempt.result or b"null") == b"null"
