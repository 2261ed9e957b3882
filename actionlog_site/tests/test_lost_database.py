"""A database that dies, hangs or refuses under a running web process: 503 with Retry-After within seconds, and
recovery without a restart. Each with real processes."""

import asyncio
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from actionlog_site.embedded_postgres import EmbeddedPostgres, running_url
from actionlog_site.embedded_postgres.running import Layout, read_postmaster
from actionlog_site.tests.conftest import postmaster_pid
from actionlog_site.tests.outages import (
    LIST,
    Json,
    Site,
    assert_unavailable,
    attempt,
    hanging,
    server_setting,
    site_of,
    timed,
)
from actionlog_site.tests.processes import is_gone, kill_all, tree, wait_until
from benchmarks.server import fresh_server, web_process
from resolutions.feed.tests.web_process import Follower

# The waits of a request add up to about 11 s (docs/adr/lost-database.md); the rest is for a machine that is busy.
SOON = 45

# pytest's record_property: what was measured stands in the report of --junit-xml.
Note = Callable[[str, object], None]


@pytest.fixture(scope="module")
def database_home(seed_cluster: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="actionlog-test-database-") as folder:
        shutil.copytree(seed_cluster, folder, dirs_exist_ok=True)
        yield Path(folder)


@pytest.fixture(scope="module")
def database(database_home: Path) -> Iterator[EmbeddedPostgres]:
    database = EmbeddedPostgres(database_home, durable=False)
    try:
        yield database
    finally:
        database.stop()


@pytest.fixture(scope="module")
def site(database: EmbeddedPostgres) -> Iterator[Site]:
    """A web process on a database that is not its to start again."""
    with tempfile.TemporaryDirectory(prefix="actionlog-test-home-") as folder:
        home = Path(folder)
        with web_process(home, database_url=database.start()) as server, site_of(server) as site:
            yield site


@pytest.fixture
def postmaster(database_home: Path) -> int:
    return postmaster_pid(Layout(database_home))


def test_a_database_that_is_gone_is_503_until_it_is_back(
    site: Site, database: EmbeddedPostgres, postmaster: int, record_property: Note
) -> None:
    kill_all(tree(postmaster))
    for name, ask, limit in (
        ("write", lambda: site.write(attempt()), 2),
        ("read", site.read, 6),
        ("page", site.page, 6),
    ):
        answer, seconds = timed(ask)
        assert_unavailable(answer)
        record_property(f"gone: seconds until {name} is 503", round(seconds, 2))
        assert seconds < limit
    assert site.client.get("/healthz").status_code == 200
    assert site.client.get("/readyz").status_code == 503
    database.start()
    seconds = site.seconds_until_it_works()
    record_property("gone: seconds until recovery", round(seconds, 2))
    # By now a pool that tries again after ever longer pauses would be in a long one.
    assert seconds < 3


@pytest.mark.parametrize("reading_at_once", [1, 8])
def test_connections_that_died_while_idle_are_replaced_and_cost_no_request(
    site: Site, database: EmbeddedPostgres, reading_at_once: int
) -> None:
    others = "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename = 'actionlog'"
    with psycopg.connect(site.server.database_url, autocommit=True) as connection, ThreadPoolExecutor(8) as readers:

        def read_until_the_pool_has_grown() -> bool:
            list(readers.map(lambda _: site.read(), range(40)))
            row = connection.execute("SELECT count(*) " + others).fetchone()
            return row is not None and row[0] > 4

        wait_until(read_until_the_pool_has_grown)
        connection.execute("SELECT pg_terminate_backend(pid) " + others)
    with ThreadPoolExecutor(reading_at_once) as readers:
        answers = list(readers.map(lambda _: site.read(), range(40)))
    assert {answer.status_code for answer in answers} == {200}
    assert site.write(attempt()).status_code == 201
    assert site.page().status_code == 302


def test_a_database_that_hangs_is_503_and_nothing_is_lost_or_doubled(
    site: Site, postmaster: int, record_property: Note
) -> None:
    known, unsure = attempt(), attempt()
    assert site.write(known).status_code == 201
    before = site.stored()
    web = psutil.Process(site.server.pid)

    async def read_at_once(count: int) -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=count)
        headers = dict(site.client.headers)
        async with httpx.AsyncClient(base_url=site.server.url, headers=headers, limits=limits, timeout=60) as client:
            return await asyncio.gather(*(client.get(LIST) for _ in range(count)))

    with hanging(postmaster), ThreadPoolExecutor(4) as others:
        write = others.submit(timed, lambda: site.write(unsure))
        page = others.submit(timed, site.page)
        began = time.monotonic()
        reads = others.submit(lambda: asyncio.run(read_at_once(300)))
        time.sleep(1)
        # Each read that waits has a thread: more than so many do not wait, but are answered at once.
        wait_until(lambda: web.num_threads() < 150)
        answer, seconds = timed(lambda: site.client.get("/healthz"))
        assert answer.status_code == 200
        assert seconds < 2
        for answer in reads.result():
            assert_unavailable(answer)
        record_property("hanging: seconds until 300 reads are 503", round(time.monotonic() - began, 2))
        assert time.monotonic() - began < SOON
        for name, asked in (("write", write), ("page", page)):
            answer, seconds = asked.result()
            assert_unavailable(answer)
            record_property(f"hanging: seconds until {name} is 503", round(seconds, 2))
            assert seconds < SOON
        # Once it is known to hang, nobody waits for it in vain, and the queue does not grow.
        time.sleep(max(0, began + 10.5 - time.monotonic()))
        answer, seconds = timed(lambda: site.write(attempt()))
        assert_unavailable(answer)
        record_property("hanging: seconds until a later write is 503", round(seconds, 2))
        assert seconds < 2
    record_property("hanging: seconds until recovery", round(site.seconds_until_it_works(), 2))
    assert site.write(known).json()["outcome"] == "unchanged"
    assert site.write(unsure).json()["outcome"] in ("created", "unchanged")
    assert site.write(unsure).json()["outcome"] == "unchanged"
    after = site.stored()
    assert set(before) | {unsure["attempt_id"]} < set(after)
    assert len(set(after)) == len(after)


def test_an_answer_lost_in_the_middle_of_commit_is_503_and_the_resent_document_is_unchanged(site: Site) -> None:
    """Committed on disk, then cut off before it could say so: PostgreSQL waits there for a standby that is none."""
    url = site.server.database_url

    def write_until_it_fails() -> tuple[Json, httpx.Response]:
        while True:  # the setting is in force once the checkpointer has read it, which nothing tells
            document = attempt()
            answer = site.write(document)
            if answer.status_code != 201:
                return document, answer

    with ThreadPoolExecutor(1) as other, server_setting(url, "synchronous_standby_names", "nobody"):
        written = other.submit(write_until_it_fails)
        with psycopg.connect(url, autocommit=True) as connection:
            cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
            wait_until(lambda: connection.execute(cut).fetchone() is not None)
        document, answer = written.result()
        assert_unavailable(answer)
    assert document["attempt_id"] in site.stored()
    again = site.write(document)
    assert (again.status_code, again.json()["outcome"]) == (200, "unchanged")


def test_a_read_only_database_takes_no_write_and_is_still_read(site: Site) -> None:
    document = attempt()
    with server_setting(site.server.database_url, "default_transaction_read_only", "on"):
        wait_until(lambda: site.write(attempt()).status_code == 503)
        assert_unavailable(site.write(document))
        assert site.read().status_code == 200
        assert document["attempt_id"] not in site.stored()
    site.seconds_until_it_works()
    assert site.write(document).json()["outcome"] == "created"


def test_a_full_disk_is_503_and_stores_nothing(site: Site) -> None:
    document = attempt()
    with psycopg.connect(site.server.database_url, autocommit=True) as connection:
        connection.execute(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$"
        )
        connection.execute(
            "CREATE TRIGGER full_disk BEFORE INSERT ON action_attempts FOR EACH ROW EXECUTE FUNCTION full_disk()"
        )
        try:
            assert_unavailable(site.write(document))
            assert document["attempt_id"] not in site.stored()
        finally:
            connection.execute("DROP FUNCTION full_disk CASCADE")
    assert site.write(document).json()["outcome"] == "created"


def test_a_lock_that_is_not_to_be_had_is_503_and_over_when_it_is_released(site: Site, record_property: Note) -> None:
    document = attempt()
    with psycopg.connect(site.server.database_url) as connection:
        connection.execute("LOCK TABLE action_attempts IN ACCESS EXCLUSIVE MODE")
        answer, seconds = timed(lambda: site.write(document))
        assert_unavailable(answer)
        record_property("locked: seconds until write is 503", round(seconds, 2))
        assert seconds < 8
    assert site.write(document).json()["outcome"] == "created"


# --- the embedded server, which the web process starts again itself


@pytest.fixture(scope="module")
def kept_site() -> Iterator[Site]:
    with fresh_server() as server, site_of(server) as site:
        yield site


def kill_postmaster(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def kill_server(pid: int) -> None:
    kill_all(tree(pid))


def another_postmaster(layout: Layout, old: int) -> bool:
    found = read_postmaster(layout.data)
    return found is not None and found.pid != old


def test_an_embedded_server_that_dies_is_started_again_under_its_writers(
    kept_site: Site, record_property: Note
) -> None:
    layout = Layout(kept_site.server.home)
    sent: list[Json] = []
    taken: set[str] = set()
    ended = threading.Event()

    def engine(_: int) -> None:
        while not ended.is_set():
            document = attempt()
            sent.append(document)
            answer = kept_site.write(document)
            if answer.status_code == 201:
                taken.add(document["attempt_id"])
            else:
                assert_unavailable(answer)
                time.sleep(0.05)

    with ThreadPoolExecutor(3) as engines:
        running = [engines.submit(engine, number) for number in range(3)]
        try:
            for kill in (kill_postmaster, kill_server):
                time.sleep(0.5)
                old = postmaster_pid(layout)
                kill(old)
                began = time.monotonic()
                wait_until(partial(another_postmaster, layout, old))
                kept_site.seconds_until_it_works()
                record_property(f"{kill.__name__}: seconds until recovery", round(time.monotonic() - began, 2))
        finally:
            ended.set()
        for each in running:
            each.result()
    assert taken
    assert taken <= set(kept_site.stored())
    outcomes = {document["attempt_id"]: kept_site.write(document).json()["outcome"] for document in sent}
    assert {outcomes[taken_id] for taken_id in taken} == {"unchanged"}
    assert set(outcomes.values()) <= {"unchanged", "created"}
    assert running_url(layout.home) == kept_site.server.database_url
    said = "".join(kept_site.server.said)
    assert "PostgreSQL has ended. It is started again" in said
    assert "PostgreSQL runs again" in said


def test_a_follower_of_the_live_feed_hears_on_without_connecting_anew(kept_site: Site, record_property: Note) -> None:
    layout = Layout(kept_site.server.home)
    address = kept_site.server.url.replace("http", "ws") + "/ws/live-feed/"
    with Follower(address, {"Authorization": f"Bearer {kept_site.server.api_key}"}) as follower:
        follower.subscribe()
        old = postmaster_pid(layout)
        kill_server(old)
        began = time.monotonic()
        wait_until(partial(another_postmaster, layout, old))
        kept_site.seconds_until_it_works()
        document = attempt()
        assert kept_site.write(document).status_code == 201
        while document["attempt_id"] not in follower.attempts:
            follower.hear()
        seconds = time.monotonic() - began
        record_property("killed: seconds until the live feed tells of a new attempt", round(seconds, 2))
        assert seconds < SOON


def test_ctrl_c_just_after_the_server_died_leaves_no_process(home: Path, layout: Layout) -> None:
    with web_process(home, database_url="") as server:
        kill_server(postmaster_pid(layout))
        os.kill(server.pid, signal.SIGINT)
        wait_until(lambda: is_gone(server.pid))
        assert running_url(home) is None
        assert not layout.socket_note.exists()
