"""A follower that does not read costs the server no memory to speak of, and misses nothing.

The minute of the promise is replaced by volume: what is recorded meanwhile is many times what the server may keep.
"""

from collections.abc import Iterator

import psutil
import pytest
from django.db import connection, transaction
from django.utils import timezone

from attempts.models import ActionAttempt
from resolutions.feed.details import LARGEST_VALUE
from resolutions.feed.entries import append_entry
from resolutions.feed.tests.recording import attempt, record
from resolutions.feed.tests.slow_reader import SlowReader
from resolutions.feed.tests.web_process import WebProcess

pytestmark = pytest.mark.django_db(transaction=True)

MEGABYTE = 1024 * 1024
CHANGES = 60
ROWS = 50
SLOW_READERS = 6
# Such a value is just small enough to be carried by the feed, and each row has two of them.
CARRIED = LARGEST_VALUE - 100


@pytest.fixture
def slow_readers(web: WebProcess, key: str) -> Iterator[list[SlowReader]]:
    readers = [SlowReader(web, key) for _ in range(SLOW_READERS)]
    yield readers
    for reader in readers:
        reader.close()


def record_large_rows(*, huge: bool) -> int:
    """Rows made by the server itself, for speed. When huge, one of them has 3 MB that the feed leaves out."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO action_attempts (attempt_id, action_id, action_type, incident_id, status, error_message, result,
                                         extra, received_at, last_heard_at)
            SELECT gen_random_uuid(), 'a', 't', 'i', 'in_progress', repeat('x', %s), to_jsonb(repeat('y', %s)),
                   CASE WHEN %s AND row = 1 THEN jsonb_build_object('huge', repeat('z', 3000000)) END, now(), now()
            FROM generate_series(1, %s) AS row RETURNING attempt_id
            """,
            [CARRIED, CARRIED, huge, ROWS],
        )
        ids = [row[0] for row in cursor.fetchall()]
        return append_entry(attempt_ids=ids, resolution_ids=[], now=timezone.now())


def test_followers_that_do_not_read_cost_bounded_memory_and_catch_up(
    web: WebProcess, key: str, slow_readers: list[SlowReader]
) -> None:
    """24 MB for each of six followers, 144 MB had they been queued."""
    assert CHANGES * ROWS * 2 * CARRIED * SLOW_READERS > 135 * MEGABYTE
    for reader in slow_readers:
        assert reader.subscribe()["type"] == "heartbeat"
    server = psutil.Process(web.pid)
    with web.follow(key).subscribe() as fast:
        fast.follow_to(record_large_rows(huge=True))
        before = peak = server.memory_info().rss
        for number in range(CHANGES):
            fast.follow_to(record_large_rows(huge=number % 10 == 0))
            peak = max(peak, server.memory_info().rss)
    assert peak - before < 48 * MEGABYTE
    # What they have not read yet, they will be told as it is now, not as it was.
    ActionAttempt.objects.filter(status="in_progress").update(status="success")
    last = record([attempt()])
    for reader in slow_readers:
        seen: dict[str, str] = {}
        frames = 0
        for message in reader.messages():
            frames += message["type"] == "changes"
            seen |= {row["attempt_id"]: row["status"] for row in message.get("attempts", [])}
            if message["cursor"] == last:
                break
        assert len(seen) == (CHANGES + 1) * ROWS + 1
        assert list(seen.values()).count("success") > 0.5 * len(seen)  # the rest was on its way already
        assert frames < CHANGES
        peak = max(peak, server.memory_info().rss)
    assert peak - before < 48 * MEGABYTE
