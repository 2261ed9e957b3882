"""What is read above a cursor: present states, in bounded frames, without a hole."""

import uuid
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.db import connection
from django.utils import timezone

from attempts.models import ActionAttempt
from resolutions.feed.details import LARGEST_VALUE
from resolutions.feed.entries import append_entry, head, prune
from resolutions.feed.queries import MAX_BYTES, MAX_ROWS, Change, Frame, Reset, changes_after, parse_cursor
from resolutions.feed.tests.recording import attempt, record, resolution
from resolutions.models import FeedEntry

pytestmark = pytest.mark.django_db


def frame_after(cursor: int, limit: int = MAX_ROWS) -> Frame:
    found = changes_after(cursor, limit)
    assert isinstance(found, Frame)
    return found


def documents(changes: list[Change]) -> list[dict[str, Any]]:
    return [msgspec.json.decode(change.document) for change in changes]


def ids(changes: list[Change]) -> list[str]:
    return [document["attempt_id"] for document in documents(changes)]


def start() -> int:
    """The cursor before which nothing of this test happened."""
    return record([attempt()])


def test_rows_above_the_cursor_come_in_their_present_state() -> None:
    known, before = attempt(), start()
    record([known])
    known.status = "success"
    other = resolution(title="Pool exhausted")
    cursor = record([known], [other])
    frame = frame_after(before)
    assert (frame.after, frame.cursor, frame.head) == (before, cursor, cursor)
    [told] = documents(frame.attempts)
    assert (told["attempt_id"], told["status"]) == (str(known.attempt_id), "success")
    [session] = documents(frame.resolutions)
    assert (session["resolution_id"], session["title"]) == (str(other.resolution_id), "Pool exhausted")


def test_defaults_are_applied_as_in_the_api() -> None:
    before = start()
    record([attempt()], [resolution()])
    frame = frame_after(before)
    [told], [session] = documents(frame.attempts), documents(frame.resolutions)
    assert (told["status"], told["parameters"], told["critical"], told["reason"]) == ("in_progress", {}, False, None)
    assert (session["status"], session["recommended_actions"], session["summary"]) == ("in_progress", [], {})
    assert "logs" not in told
    assert "action_attempts" not in session


def test_rows_come_in_the_order_of_their_last_change() -> None:
    first, second, third, before = attempt(), attempt(), attempt(), start()
    record([first])
    record([second, third])
    record([first])
    assert ids(frame_after(before).attempts) == [str(row.attempt_id) for row in (second, third, first)]


def test_at_the_head_there_is_nothing_and_the_cursor_stays() -> None:
    cursor = start()
    frame = frame_after(cursor)
    assert (frame.cursor, frame.attempts, frame.resolutions) == (cursor, [], [])


def test_a_frame_of_100_rows_takes_three_queries(django_assert_num_queries: Any) -> None:
    before = start()
    for _ in range(10):
        record([attempt() for _ in range(8)], [resolution(), resolution()])
    with django_assert_num_queries(3):
        frame = frame_after(before)
    assert (len(frame.attempts), len(frame.resolutions)) == (80, 20)


def test_frames_are_bounded_by_rows_and_lead_through_all_changes() -> None:
    cursor, told = start(), []
    last = [record([attempt() for _ in range(7)]) for _ in range(10)][-1]
    while cursor < last:
        frame = frame_after(cursor, limit=20)
        assert len(frame.attempts) <= 20
        told += ids(frame.attempts)
        cursor = frame.cursor
    assert len(set(told)) == 70


def test_an_entry_larger_than_the_limit_is_answered_whole() -> None:
    before = start()
    record([attempt() for _ in range(30)])
    last = record([attempt()])
    frame = frame_after(before, limit=10)
    assert len(frame.attempts) == 30
    assert frame.cursor < last == frame.head


def test_many_changes_of_one_row_are_one_row() -> None:
    known, before = attempt(), start()
    last = [record([known]) for _ in range(50)][-1]
    frame = frame_after(before, limit=10)
    assert (len(frame.attempts), frame.cursor) == (1, last)


def test_frames_are_bounded_by_bytes() -> None:
    large = {"text": "x" * (LARGEST_VALUE - 100)}
    rows, cursor = 0, start()
    last = [record([attempt(result=large, error_details=large) for _ in range(40)]) for _ in range(8)][-1]
    while cursor < last:
        frame = frame_after(cursor)
        assert frame.size <= MAX_BYTES
        rows += len(frame.attempts)
        cursor = frame.cursor
    assert rows == 320


@pytest.mark.parametrize("text", ["x" * 1_000_000, "x" * (LARGEST_VALUE + 1), "é" * (LARGEST_VALUE // 2 + 1)])
def test_a_value_too_large_to_send_to_everyone_is_named_not_cut(text: str) -> None:
    before, row = start(), attempt(parameters={"x": text}, result=text, error_message=text, reason="short")
    session = resolution(summary={"x": text}, title=text)
    record([row], [session])
    frame = frame_after(before)
    [told], [told_session] = documents(frame.attempts), documents(frame.resolutions)
    assert sorted(told["omitted"]) == ["error_message", "parameters", "result"]
    assert (told["parameters"], told["result"], told["error_message"], told["reason"]) == (None, None, None, "short")
    assert told["whole_at"] == f"/api/action-attempts/{row.attempt_id}/"
    assert sorted(told_session["omitted"]) == ["summary", "title"]
    assert told_session["whole_at"] == f"/api/resolution-attempts/{session.resolution_id}/"


def test_a_value_that_fits_is_passed_through_digit_for_digit() -> None:
    before, text = start(), "x" * LARGEST_VALUE
    record([attempt(error_message=text, result={"n": 12345678901234567890123})])
    [change] = frame_after(before).attempts
    assert b"12345678901234567890123" in bytes(change.document)
    [told] = documents([change])
    assert (told["omitted"], told["whole_at"], told["error_message"]) == ([], None, text)


def test_a_row_that_is_gone_is_passed_over() -> None:
    before = start()
    gone, kept = attempt(), attempt()
    cursor = record([gone, kept])
    ActionAttempt.objects.filter(pk=gone.pk).delete()
    frame = frame_after(before)
    assert ids(frame.attempts) == [str(kept.attempt_id)]
    assert frame.cursor == cursor


def test_an_abandoned_row_is_not_in_progress_for_filters() -> None:
    before = start()
    record([attempt(abandoned_at=timezone.now()), attempt(status="success", abandoned_at=timezone.now())])
    assert sorted(str(change.facets["status"]) for change in frame_after(before).attempts) == ["abandoned", "success"]


def test_a_cursor_older_than_the_log_is_reset() -> None:
    for _ in range(3):
        append_entry(attempt_ids=[uuid.uuid4()], resolution_ids=[], now=timezone.now() - timedelta(days=8))
    kept = record([attempt()])
    prune()
    assert [changes_after(cursor) for cursor in (0, kept - 3, kept - 2)] == [Reset(kept)] * 3
    assert len(frame_after(kept - 1).attempts) == 1


def test_a_cursor_below_entries_that_were_removed_by_hand_is_reset() -> None:
    first = start()
    start()
    last = start()
    FeedEntry.objects.filter(revision__lt=last).delete()
    assert changes_after(first) == Reset(last)
    assert len(frame_after(last - 1).attempts) == 1


def test_the_cursor_of_an_empty_log_is_good_whatever_number_comes_first() -> None:
    assert changes_after(0) == Frame(after=0, cursor=0, head=0, attempts=[], resolutions=[])
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('feed_revision_seq') FROM generate_series(1, 5)")
    last = start()
    assert last > 5
    assert frame_after(0).cursor == last


@pytest.mark.parametrize("beyond", [1, 2**62, 2**64])
def test_a_cursor_beyond_the_head_is_reset(beyond: int) -> None:
    cursor = start()
    assert changes_after(cursor + beyond) == Reset(cursor)


def test_what_is_no_cursor_is_reset() -> None:
    cursor = start()
    assert [changes_after(parse_cursor(text)) for text in ("", "x", "-1", "1.5", "9" * 30, "\u0661")] == [
        Reset(cursor)
    ] * 6


def test_an_empty_log_has_cursor_0_and_resets_others() -> None:
    assert head() == 0
    assert frame_after(0).cursor == 0
    assert changes_after(1) == Reset(0)
