"""The hub: one query for all who stand at one cursor, and nothing kept for those who do not ask."""

import asyncio
import functools
import time
from datetime import timedelta

import psycopg
import pytest

from access.errors import DATABASE_LOST
from resolutions.feed import hub as hub_module
from resolutions.feed.entries import prune
from resolutions.feed.hub import Hub, SharedFrame, close_hub, open_hub
from resolutions.feed.listener import PAUSE_SECONDS
from resolutions.feed.queries import Reset
from resolutions.feed.tests.recording import attempt, conninfo, in_thread, record
from resolutions.feed.tests.web_process import PATIENCE_SECONDS
from resolutions.models import FeedEntry

pytestmark = pytest.mark.django_db(transaction=True)


async def begin(hub: Hub) -> int:
    """A cursor that the hub knows as its head."""
    cursor = await in_thread(lambda: record([attempt()]))
    reached = await hub.head()
    while reached != cursor:
        found = await asyncio.wait_for(hub.next_frame(reached), PATIENCE_SECONDS)
        reached = found.cursor if isinstance(found, Reset) else found.frame.cursor
    return cursor


async def next_frame(hub: Hub, cursor: int, later_than: int = -1) -> SharedFrame:
    found = await asyncio.wait_for(hub.next_frame(cursor, later_than=later_than), PATIENCE_SECONDS)
    assert isinstance(found, SharedFrame)
    return found


async def test_one_query_and_one_text_serve_all_at_the_same_cursor(hub: Hub) -> None:
    cursor = await begin(hub)
    for _ in range(3):
        before = hub.reads
        waiting = [asyncio.create_task(next_frame(hub, cursor)) for _ in range(200)]
        await asyncio.sleep(0)
        cursor = await in_thread(lambda: record([attempt() for _ in range(10)]))
        frames = await asyncio.gather(*waiting)
        assert {frame.frame.cursor for frame in frames} == {cursor}
        assert len({id(frame.text) for frame in frames}) == 1
        assert hub.reads == before + 1
        # So it serves one who comes a little later.
        assert (await next_frame(hub, frames[0].frame.after)).text is frames[0].text
        assert hub.reads == before + 1


async def test_one_who_lags_gets_all_at_once(hub: Hub) -> None:
    slow = fast = await begin(hub)
    for _ in range(5):
        await in_thread(lambda: record([attempt()]))
        fast = (await next_frame(hub, fast)).frame.cursor
    frame = (await next_frame(hub, slow)).frame
    assert (frame.cursor, len(frame.attempts)) == (fast, 5)


async def test_nobody_is_shown_a_row_older_than_he_has_seen_it(hub: Hub) -> None:
    """A frame at hand that was read before the follower's last one is not for him."""
    row = attempt(status="in_progress")
    first = await begin(hub)
    second = await in_thread(lambda: record([attempt()]))
    third = await in_thread(lambda: record([row]))
    early = await next_frame(hub, second)
    row.status = "success"
    await in_thread(lambda: record([row]))
    last = await next_frame(hub, first)
    again = await next_frame(hub, second, later_than=last.number)
    assert early.frame.cursor == third
    assert again.number > last.number > early.number
    assert b'"success"' in bytes(again.frame.attempts[0].document)


async def test_many_commits_make_few_wake_ups(hub: Hub) -> None:
    cursor, frames = await begin(hub), 0
    loop = asyncio.get_running_loop()
    began = loop.time()
    seen, recording = 0, asyncio.ensure_future(in_thread(lambda: [record([attempt()]) for _ in range(100)]))
    while seen < 100:
        frame = (await next_frame(hub, cursor)).frame
        cursor = frame.cursor
        seen += len(frame.attempts)
        frames += 1
    assert max(await recording) == cursor
    assert frames <= (loop.time() - began) / PAUSE_SECONDS + 2


async def test_recent_frames_are_bounded_in_number_and_bytes(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    cursor = await begin(hub)

    async def follow(times: int) -> None:
        nonlocal cursor
        for _ in range(times):
            await in_thread(lambda: record([attempt(reason="x" * 1000)]))
            cursor = (await next_frame(hub, cursor)).frame.cursor

    monkeypatch.setattr(hub_module, "RECENT_FRAMES", 4)
    await follow(6)
    assert hub.recent[0] == 4
    assert 4000 < hub.recent[1] < 12000
    monkeypatch.setattr(hub_module, "RECENT_BYTES", 5000)
    await follow(1)
    assert hub.recent[0] < 4
    assert hub.recent[1] <= 5000


async def test_a_follower_that_leaves_does_not_take_the_query_from_the_others(hub: Hub) -> None:
    cursor = await begin(hub)
    await in_thread(lambda: record([attempt()]))
    leaving = asyncio.create_task(next_frame(hub, cursor))
    staying = asyncio.create_task(next_frame(hub, cursor))
    await asyncio.sleep(0.001)
    leaving.cancel()
    assert len((await staying).frame.attempts) == 1


async def test_a_head_that_goes_back_resets_those_beyond_it(hub: Hub) -> None:
    """As after a restore of an older backup."""
    cursor = await begin(hub)
    waiting = asyncio.create_task(hub.next_frame(cursor))
    await asyncio.sleep(0.05)

    def restore() -> None:
        with psycopg.connect(conninfo(), autocommit=True) as admin:
            admin.execute("UPDATE feed SET revision = revision - 1")

    await in_thread(restore)
    assert await asyncio.wait_for(waiting, PATIENCE_SECONDS) == Reset(cursor - 1)


async def test_a_connection_lost_in_a_query_fails_that_query_and_not_the_hub(hub: Hub) -> None:
    cursor = await begin(hub)
    last = await in_thread(lambda: record([attempt()]))
    assert (await next_frame(hub, cursor)).frame.cursor == last
    # A cursor that no frame at hand begins at, so that there is a query to cut.
    cursor -= 1

    def cut_the_waiting_query() -> None:
        cut = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND query LIKE %s AND datname = current_database()"
        )
        with psycopg.connect(conninfo(), autocommit=True) as admin:
            while not admin.execute(cut, ["%WITH above%"]).rowcount:
                time.sleep(0.01)

    with psycopg.connect(conninfo()) as locking:
        locking.execute("LOCK TABLE feed IN ACCESS EXCLUSIVE MODE")
        reading = asyncio.create_task(hub.next_frame(cursor))
        await in_thread(cut_the_waiting_query)
        with pytest.raises(DATABASE_LOST):
            await reading
    assert (await next_frame(hub, cursor)).frame.cursor == last


async def test_there_is_one_hub_until_it_is_closed(transactional_db: None) -> None:
    first = open_hub()
    assert open_hub() is first
    await close_hub()
    await close_hub()
    second = open_hub()
    assert second is not first
    await begin(second)
    await close_hub()
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_a_fault_of_one_pruning_does_not_end_all_pruning(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(hub_module, "PRUNE_SECONDS", 0.05)
    monkeypatch.setattr(hub_module, "prune", functools.partial(prune, older_than=timedelta(0)))
    for _ in range(3):
        await in_thread(lambda: record([attempt()]))
    hub = open_hub()
    try:
        with psycopg.connect(conninfo(), autocommit=True) as other:
            # Not a lost database: the statement itself is at fault.
            other.execute("ALTER TABLE feed RENAME COLUMN created_at TO mended_at")
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    while "was not pruned" not in caplog.text:
                        await asyncio.sleep(0.02)
            finally:
                other.execute("ALTER TABLE feed RENAME COLUMN mended_at TO created_at")
        async with asyncio.timeout(PATIENCE_SECONDS):
            # The mark and the newest stay.
            while await in_thread(FeedEntry.objects.count) > 2:
                await asyncio.sleep(0.02)
        assert not any(task.done() for task in hub._tasks)
    finally:
        await close_hub()
    faults = [record.exc_info for record in caplog.records if "was not pruned" in record.message]
    assert all(fault and fault[0] and not issubclass(fault[0], DATABASE_LOST) for fault in faults)
