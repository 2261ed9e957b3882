"""Small requests on a lane of their own, large ones in turn on two, before a real database that is held up."""

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
from resolutions.door.lanes import LARGE_BYTES, LARGE_DOCUMENTS, LARGE_LANES, Lanes
from resolutions.tests.locking import held_row, held_table

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("patient_recordings")]

SIZE = 1000
PATIENCE = 60.0  # seconds: below the lock timeout, after which a held-up recording would fail


@pytest_asyncio.fixture
async def lanes() -> AsyncIterator[Lanes]:
    lanes = Lanes()
    yield lanes
    await lanes.close()


def one(attempt_id: uuid.UUID | None = None, **facts: str) -> AttemptSubmission:
    told = {"action_id": "a", "action_type": "t", "incident_id": "i", **facts}
    body = ", ".join(f'"{name}": "{value}"' for name, value in told.items())
    return decode_single("action_attempt", f'{{"attempt_id": "{attempt_id or uuid.uuid4()}", {body}}}'.encode(), None)


def many(number: int = LARGE_DOCUMENTS) -> list[AttemptSubmission]:
    return [one() for _ in range(number)]


async def a_stored_attempt(lanes: Lanes) -> uuid.UUID:
    attempt_id = uuid.uuid4()
    await lanes.record([one(attempt_id)], size=SIZE)
    return attempt_id


@sync_to_async
def stored() -> int:
    try:
        return ActionAttempt.objects.count()
    finally:
        connections.close_all()


async def waiting(lanes: Lanes, documents: list[int]) -> None:
    """Until so many documents wait in each of the large lanes."""
    async with asyncio.timeout(PATIENCE):
        while [recorder.waiting for recorder in lanes.large] != documents:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(("more", "size"), [(LARGE_DOCUMENTS - 1, SIZE), (0, LARGE_BYTES)], ids=["documents", "bytes"])
async def test_small_requests_are_answered_while_a_large_one_is_held_up(lanes: Lanes, more: int, size: int) -> None:
    known = await a_stored_attempt(lanes)
    with held_row(known):
        large = asyncio.create_task(lanes.record([one(known, status="success"), *many(more)], size=size))
        await waiting(lanes, [1 + more, 0])
        for _ in range(3):
            await asyncio.wait_for(lanes.record([one()], size=SIZE), PATIENCE)
        assert not large.done()
    assert await asyncio.wait_for(large, PATIENCE) > 0
    assert await stored() == 1 + more + 3


async def test_a_large_request_does_not_wait_behind_another(lanes: Lanes) -> None:
    known = await a_stored_attempt(lanes)
    with held_row(known):
        first = asyncio.create_task(lanes.record([one(known, status="success"), *many()], size=SIZE))
        await waiting(lanes, [1 + LARGE_DOCUMENTS, 0])
        for _ in range(2):
            await asyncio.wait_for(lanes.record(many(), size=SIZE), PATIENCE)
        assert not first.done()
    await asyncio.wait_for(first, PATIENCE)


async def test_large_requests_take_turns_on_their_lanes(lanes: Lanes) -> None:
    with held_table():
        tasks = [asyncio.create_task(lanes.record(many(), size=SIZE)) for _ in range(2 * LARGE_LANES)]
        await waiting(lanes, [2 * LARGE_DOCUMENTS] * LARGE_LANES)
        assert lanes.small.waiting == 0
    await asyncio.gather(*tasks)
    await waiting(lanes, [0] * LARGE_LANES)


async def test_two_large_requests_with_the_same_new_ids_in_opposite_order_both_succeed(lanes: Lanes) -> None:
    for _ in range(5):
        ids = [uuid.uuid4() for _ in range(200)]
        forward = [one(attempt_id, reason="said by the first") for attempt_id in ids]
        backward = [one(attempt_id, status="success") for attempt_id in reversed(ids)]
        with held_table():  # so that both come to the rows at once
            tasks = [asyncio.create_task(lanes.record(each, size=SIZE)) for each in (forward, backward)]
            await waiting(lanes, [len(ids)] * LARGE_LANES)
            await asyncio.sleep(0.1)
        await asyncio.gather(*tasks)
        pairs = zip(forward, reversed(backward), strict=True)
        assert {frozenset((first.outcome, second.outcome)) for first, second in pairs} == {
            frozenset(("created", "updated"))
        }
    assert await stored() == 5 * 200


async def test_closing_records_what_waits_in_every_lane_and_ends_them_all() -> None:
    lanes = Lanes()
    with held_table():
        tasks = [asyncio.create_task(lanes.record(request, size=SIZE)) for request in ([one()], many(), many())]
        await waiting(lanes, [LARGE_DOCUMENTS] * LARGE_LANES)
        closing = asyncio.create_task(lanes.close())
        await asyncio.sleep(0.1)
        assert not closing.done()
    await asyncio.wait_for(closing, PATIENCE)
    await asyncio.gather(*tasks)
    assert not any(recorder._thread.is_alive() for recorder in (lanes.small, *lanes.large))
    assert await stored() == 1 + 2 * LARGE_DOCUMENTS
