"""The queue in front of the recording transaction, while the database keeps it waiting; the answers are the door's."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from django.db import connections

from attempts.models import ActionAttempt
from attempts.recording import AttemptSubmission
from resolutions.decoding import decode_single
from resolutions.door.recorder import GROUP_BYTES, Busy, Lost, Recorder
from resolutions.tests.locking import held_table

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("patient_recordings")]

SIZE = 1000
# Much longer than what is not waited for may take, and much shorter than what would be waited for: the lock.
SOON_SECONDS = 20.0


@pytest_asyncio.fixture
async def recorder() -> AsyncIterator[Recorder]:
    recorder = Recorder(capacity=10, capacity_bytes=5 * SIZE, stall_seconds=60.0)
    yield recorder
    await recorder.close()


@pytest_asyncio.fixture
async def hasty() -> AsyncIterator[Recorder]:
    """One that soon takes it that the database stalls."""
    recorder = Recorder(stall_seconds=1.0)
    yield recorder
    await recorder.close()


def one() -> list[AttemptSubmission]:
    body = f'{{"attempt_id": "{uuid.uuid4()}", "action_id": "a", "action_type": "t", "incident_id": "i"}}'
    return [decode_single("action_attempt", body.encode(), None)]


@sync_to_async
def stored() -> int:
    try:
        return ActionAttempt.objects.count()
    finally:
        connections.close_all()


async def begun(waiting: list[asyncio.Task[int]]) -> None:
    await asyncio.sleep(0.2)
    assert not any(each.done() for each in waiting)


async def test_what_nobody_waits_for_any_more_is_recorded_and_leaves_the_queue_empty(recorder: Recorder) -> None:
    with held_table():
        waiting = [asyncio.create_task(recorder.record(one(), size=SIZE)) for _ in range(3)]
        await begun(waiting)
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert (recorder._waiting, recorder._waiting_bytes) == (3, 3 * SIZE), "it is held until it is recorded"
    await recorder.record(one(), size=SIZE)
    assert (recorder._waiting, recorder._waiting_bytes) == (0, 0)
    assert await stored() == 4


@pytest.mark.parametrize(("documents", "size"), [(5, 1), (1, 4 * SIZE)])
async def test_more_than_it_holds_is_refused_until_there_is_room(recorder: Recorder, documents: int, size: int) -> None:
    more = [submission for _ in range(documents + 5) for submission in one()]
    with held_table():
        waiting = [asyncio.create_task(recorder.record(one() * 5, size=2 * SIZE))]
        await begun(waiting)
        with pytest.raises(Busy):
            await recorder.record(more, size=size)
    await asyncio.gather(*waiting)
    assert await recorder.record(more, size=size) > 0


async def test_while_the_database_stalls_nobody_waits_behind_it(hasty: Recorder) -> None:
    with held_table():
        waiting = [asyncio.create_task(hasty.record(one(), size=SIZE))]
        while hasty._group_began is None:
            await asyncio.sleep(0.01)
        await asyncio.sleep(1.2)
        with pytest.raises(Lost):
            await asyncio.wait_for(hasty.record(one(), size=SIZE), SOON_SECONDS)
    await asyncio.gather(*waiting)
    assert await hasty.record(one(), size=SIZE) > 0


async def test_closing_does_not_wait_for_a_database_that_does_not_answer(
    hasty: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    with held_table():
        waiting = [asyncio.create_task(hasty.record(one(), size=SIZE))]
        await begun(waiting)
        await asyncio.wait_for(hasty.close(), SOON_SECONDS)
        assert "1 documents were not acknowledged" in caplog.text
    await asyncio.gather(*waiting)


async def test_requests_that_wait_share_a_transaction_up_to_so_many_bytes() -> None:
    recorder = Recorder()
    with held_table():
        first = asyncio.create_task(recorder.record(one(), size=SIZE))
        await begun([first])
        large = [asyncio.create_task(recorder.record(one(), size=GROUP_BYTES)) for _ in range(3)]
        small = [asyncio.create_task(recorder.record(one(), size=SIZE)) for _ in range(5)]
        halves = [asyncio.create_task(recorder.record(one(), size=GROUP_BYTES // 2)) for _ in range(3)]
        await asyncio.sleep(0)
    cursors = await asyncio.gather(first, *large, *small, *halves)
    await recorder.close()
    groups = [cursors.count(cursor) for cursor in sorted(set(cursors))]
    assert groups == [1, 1, 1, 1, 7, 1]
