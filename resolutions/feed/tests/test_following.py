"""Following the feed over WebSocket from a web process, while others record: nothing is missed, and soon."""

import contextlib
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from statistics import median

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone
from websockets.exceptions import ConnectionClosed

from attempts.locks import FEED
from attempts.models import ActionAttempt
from resolutions.feed.entries import prune
from resolutions.feed.listener import APPLICATION_NAME
from resolutions.feed.tests.recording import attempt, conninfo, record, resolution
from resolutions.feed.tests.web_process import PATIENCE_SECONDS, Follower, WebProcess, web_process
from resolutions.ingest import ingest_json

pytestmark = pytest.mark.django_db(transaction=True)

STATUSES = ("pending", "in_progress", "success", "failed")


def in_thread(work: Callable[[], object]) -> threading.Thread:
    """Run in a thread with a database connection of its own."""

    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def terminate_the_listener() -> None:
    """Once there is one: that of a web process that has just ended may take a moment to go, a new one to come."""
    listening = "FROM pg_stat_activity WHERE application_name = %s AND datname = current_database()"
    deadline = time.monotonic() + PATIENCE_SECONDS
    with psycopg.connect(conninfo(), autocommit=True) as admin:
        while admin.execute(f"SELECT count(*) {listening}", [APPLICATION_NAME]).fetchone() != (1,):
            assert time.monotonic() < deadline, "there is not one listener"
            time.sleep(0.02)
        admin.execute(f"SELECT pg_terminate_backend(pid) {listening}", [APPLICATION_NAME])


def test_a_change_from_another_process_arrives_within_a_second(web: WebProcess, key: str) -> None:
    with web.follow(key).subscribe() as follower:
        took = []
        for _ in range(5):
            row, session = attempt(), resolution()
            began = time.monotonic()
            cursor = record([row], [session])
            while (message := follower.hear())["type"] == "heartbeat":
                continue
            took.append(time.monotonic() - began)
            assert (message["type"], message["cursor"]) == ("changes", cursor)
            assert [told["attempt_id"] for told in message["attempts"]] == [str(row.attempt_id)]
            assert [told["resolution_id"] for told in message["resolutions"]] == [str(session.resolution_id)]
        assert median(took) < 1


def test_what_a_management_command_changes_arrives_within_a_second(web: WebProcess, key: str) -> None:
    """The process that tells of the change is not the one that serves it, and ends at once."""
    command = [sys.executable, "manage.py", "mark_abandoned"]
    environment = os.environ | {"DATABASE_URL": conninfo()}
    took: list[float] = []
    with web.follow(key) as follower:
        follower.subscribe(status="abandoned")
        # Once, if it is in time: a machine that does other things too may be late.
        while not took or (min(took) >= 1 and len(took) < 5):
            silent = attempt(last_heard_at=timezone.now() - timedelta(hours=1))
            record([silent])
            with subprocess.Popen(  # noqa: S603
                command, cwd=settings.BASE_DIR, env=environment, stdout=subprocess.DEVNULL
            ) as process:
                while str(silent.attempt_id) not in follower.attempts:
                    follower.hear()
                heard = time.time()
                assert process.wait(PATIENCE_SECONDS) == 0
            told = follower.attempts[str(silent.attempt_id)]
            took.append(heard - datetime.fromisoformat(told["abandoned_at"]).timestamp())
    assert min(took) < 1


def test_what_the_recorder_stores_is_followed_to_its_end(web: WebProcess, key: str) -> None:
    attempt_id, resolution_id = str(uuid.uuid4()), str(uuid.uuid4())
    start = {"attempt_id": attempt_id, "action_id": "a", "action_type": "restart", "incident_id": "INC-9"}
    session = {"resolution_id": resolution_id, "incident_id": "INC-9"}
    with web.follow(key).subscribe() as follower:
        follower.follow_to(ingest_json({"resolution_attempts": [session], "action_attempts": [start]})["cursor"])
        assert follower.attempts[attempt_id]["status"] == "in_progress"
        ingest_json({"action_attempts": [{**start, "logs": [{"sequence": 0, "step": "draining"}]}]})
        ingest_json({"resolution_attempts": [{**session, "status": "resolved"}]})
        follower.follow_to(ingest_json({"action_attempts": [{**start, "status": "success"}]})["cursor"])
        assert follower.attempts[attempt_id]["status"] == "success"
        assert follower.resolutions[resolution_id]["status"] == "resolved"
        # Sent again, nothing changes: its cursor is already reached.
        again = ingest_json({"action_attempts": [{**start, "status": "success"}]})
        assert again["results"][0]["outcome"] == "unchanged"
        assert again["cursor"] == follower.cursor


def test_a_server_that_ends_lets_its_followers_go(key: str) -> None:
    with web_process() as web:
        follower = web.follow(key).subscribe()
    with pytest.raises(ConnectionClosed):
        follower.hear()
    assert follower.socket.close_code == 1012
    follower.close()


def test_an_open_write_elsewhere_in_the_cluster_delays_nothing(web: WebProcess, key: str) -> None:
    with psycopg.connect(conninfo()) as elsewhere, web.follow(key).subscribe() as follower:
        elsewhere.execute("CREATE TEMPORARY TABLE t AS SELECT 1")
        assert elsewhere.execute("SELECT pg_current_xact_id_if_assigned()").fetchone() != (None,)
        took = []
        for _ in range(5):
            began = time.monotonic()
            follower.follow_to(record([attempt()]))
            took.append(time.monotonic() - began)
        assert median(took) < 1
        elsewhere.rollback()


def test_a_row_that_commits_late_is_not_missed(web: WebProcess, key: str) -> None:
    """The transaction that wrote its rows first commits last: its revision is drawn only then."""
    early, late = uuid.uuid4(), uuid.uuid4()
    with psycopg.connect(conninfo()) as slow, web.follow(key).subscribe() as follower:
        slow.execute(
            "INSERT INTO action_attempts (attempt_id, action_id, action_type, incident_id, received_at, last_heard_at)"
            " VALUES (%s, 'a', 't', 'i', now(), now())",
            [late],
        )
        follower.follow_to(record([attempt(early)]))
        assert set(follower.attempts) == {str(early)}
        slow.execute("SELECT pg_advisory_xact_lock(%s)", [FEED])
        slow.execute("INSERT INTO feed (attempt_ids, resolution_ids, created_at) VALUES (%s, '{}', now())", [[late]])
        slow.commit()
        # Nobody notified: the listener's poll finds it.
        while len(follower.attempts) < 2:
            follower.hear()
        assert set(follower.attempts) == {str(early), str(late)}


def test_clients_that_come_and_go_end_with_every_final_state(web: WebProcess, key: str) -> None:
    """Four recorders change the same rows at random; a client reconnects with its cursor again and again."""
    ids = [uuid.uuid4() for _ in range(30)]
    follower = web.follow(key).subscribe()
    began = follower.cursor
    cursors: list[int] = []

    def recorder(seed: int) -> None:
        random = Random(seed)
        for _ in range(40):
            chosen = random.sample(ids[seed::4], 3)
            cursors.append(record([attempt(id, status=random.choice(STATUSES)) for id in chosen]))

    recorders = [in_thread(lambda seed=seed: recorder(seed)) for seed in range(4)]  # type: ignore[misc]
    while any(thread.is_alive() for thread in recorders):
        for _ in range(3):
            try:
                follower.hear(0.2)
            except TimeoutError:
                break
        follower.close()
        kept = follower
        follower = web.follow(key)
        follower.attempts = kept.attempts
        follower.subscribe(kept.cursor)
        follower.cursor = kept.cursor
    for thread in recorders:
        thread.join()
    with follower:
        follower.follow_to(max(cursors))
    truth = {str(row.attempt_id): row.status for row in ActionAttempt.objects.filter(pk__in=ids)}
    assert {id: row["status"] for id, row in follower.attempts.items()} == truth
    assert len(cursors) == 160
    assert began < min(cursors)


def test_the_listener_comes_back_when_its_connection_is_cut(web: WebProcess, key: str) -> None:
    with web.follow(key).subscribe() as follower:
        took: list[float] = []
        # Once, if it is in time: a machine that does other things too may be late.
        while not took or (min(took) >= 3 and len(took) < 3):
            terminate_the_listener()
            began = time.monotonic()
            follower.follow_to(record([attempt()]))
            took.append(time.monotonic() - began)
        assert min(took) < 3
        # And it listens again: sooner than it polls.
        took = []
        for _ in range(10):
            began = time.monotonic()
            follower.follow_to(record([attempt()]))
            took.append(time.monotonic() - began)
        assert min(took) < 0.5
        terminate_the_listener()


def test_an_old_cursor_is_reset_and_following_goes_on(web: WebProcess, key: str) -> None:
    old = record([attempt()])
    record([attempt()])
    head = record([attempt()])
    prune(older_than=timedelta(0))
    with web.follow(key).subscribe(old) as follower:
        assert follower.hear() == {"type": "reset", "cursor": head}
        follower.follow_to(record([attempt()]))
        assert len(follower.attempts) == 1


@pytest.mark.parametrize("after", [2**40, 2**70, -5, "what", "9" * 40])
def test_a_cursor_that_cannot_be_is_reset(web: WebProcess, key: str, after: int | str) -> None:
    head = record([attempt()])
    with web.follow(key).subscribe(after) as follower:
        assert follower.hear() == {"type": "reset", "cursor": head}


def test_a_cursor_just_written_is_not_reset_though_the_hub_knows_it_not_yet(web: WebProcess, key: str) -> None:
    with web.follow(key) as follower:
        for _ in range(5):
            own = record([attempt()])
            follower.subscribe(own)
            cursor = record([attempt()])
            while follower.cursor < cursor:
                assert follower.hear()["type"] in ("changes", "heartbeat")


def test_a_client_that_says_nothing_gets_all_from_when_it_came(web: WebProcess, key: str) -> None:
    with web.follow(key) as follower:
        recorded: dict[int, str] = {}
        came_at: int | None = None
        while came_at is None:
            row = attempt()
            recorded[record([row])] = str(row.attempt_id)
            # It is told where that was once it has said nothing for a while; what came meanwhile follows.
            with contextlib.suppress(TimeoutError):
                came_at = follower.hear(0.1)["cursor"]
        row = attempt()
        recorded[record([row])] = str(row.attempt_id)
        follower.follow_to(max(recorded))
        assert set(follower.attempts) == {told for revision, told in recorded.items() if revision > came_at}


def told_ids(follower: Follower) -> set[str]:
    return {*follower.attempts, *follower.resolutions}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("environment", "production"),
        ("incident_id", "INC-7"),
        ("incident_type", "oom"),
        ("engine", "e2"),
        ("action_type", "rollback"),
        ("status", "failed"),
        ("status", "abandoned"),
    ],
)
def test_a_filter_lets_through_what_has_the_value_now(web: WebProcess, key: str, name: str, value: str) -> None:
    facts = {"abandoned_at": timezone.now()} if value == "abandoned" else {name: value}
    wanted, other = attempt(**facts), attempt()
    rows, sessions = [wanted, other], [resolution()]
    expected = {str(wanted.attempt_id)}
    if name != "action_type":
        sessions.append(resolution(**facts))
        expected.add(str(sessions[1].resolution_id))
    with web.follow(key) as follower:
        follower.subscribe(**{name: value})
        follower.follow_to(record(rows, sessions))
    assert told_ids(follower) == expected


def test_a_filter_looks_at_present_states(web: WebProcess, key: str) -> None:
    with web.follow(key) as follower:
        follower.subscribe(status="failed")
        row = attempt(status="in_progress")
        record([row])
        row.status = "failed"
        follower.follow_to(record([row]))
        assert follower.attempts[str(row.attempt_id)]["status"] == "failed"


def test_subscribing_anew_replaces_the_filters(web: WebProcess, key: str) -> None:
    with web.follow(key) as follower:
        follower.subscribe(engine="e1").subscribe(engine="e2")
        one, two = attempt(engine="e1"), attempt(engine="e2")
        follower.follow_to(record([one, two]))
        assert told_ids(follower) == {str(two.attempt_id)}


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ("{", None),
        ("[]", None),
        ('{"type": "shout"}', "type"),
        ('{"type": "subscribe", "after": 1.5}', "after"),
        ('{"type": "subscribe", "filters": {"engine": 7}}', "engine"),
        ('{"type": "subscribe", "filters": {"engines": "e"}}', "filters"),
        ("[" * 100_000, None),
        (b"\xff\xfe", None),
    ],
)
def test_a_malformed_message_is_answered_and_changes_nothing(
    web: WebProcess, key: str, said: str | bytes, field: str | None
) -> None:
    with web.follow(key).subscribe() as follower:
        follower.socket.send(said)
        answer = follower.hear()
        assert answer["type"] == "error"
        assert set(answer["error"]) == {"code", "message", "field", "path"}
        assert answer["error"]["field"] == field
        assert follower.follow_to(record([attempt()])).attempts
