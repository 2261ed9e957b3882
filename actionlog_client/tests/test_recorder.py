"""A logger in the life of a process: forks, ends, disks that are full, folders without a server."""

import json
import os
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import Final

import pytest

from actionlog_client import ActionLogger, JournalFull
from actionlog_client.journal.directory import JournalDirectory
from actionlog_client.journal.entries import Weight
from actionlog_client.journal.file import FileJournal
from actionlog_client.journal.room import Room
from actionlog_client.tests.accounts import (
    ROOT,
    attempts_of,
    engine_environment,
    get,
    journals_in,
    run,
    wait_until,
    wait_until_complete,
)
from benchmarks.server import Server

WAIT_SECONDS: Final = 60.0


def test_what_is_logged_just_before_the_end_is_on_the_server(server: Server, tmp_path: Path) -> None:
    done = run(
        """
        from actionlog_client import ActionLogger, recorder
        recorder.EXIT_SECONDS = 60  # the server is well, if slow
        action_logger = ActionLogger(json_store="")
        with action_logger.start_action_attempt("a", "restart", {}, "at-exit") as attempt:
            attempt.log_step("last words")
        """,
        engine_environment(server, tmp_path),
    )
    assert (done.returncode, done.stderr) == (0, "")
    (found,) = attempts_of(server, "at-exit")
    assert (found["status"], len(found["logs"])) == ("success", 1)
    (engine,) = wait_until_complete(server, journals_in(tmp_path))
    assert engine["closed_at"] is not None


def test_an_end_without_a_server_is_not_held_up(tmp_path: Path) -> None:
    done = run(
        """
        import atexit, time
        atexit.register(lambda: print(time.monotonic() - ended))  # after what is registered later
        from actionlog_client import ActionLogger, recorder
        recorder.EXIT_SECONDS = 60  # so that a machine that is merely slow is not taken for one that waits
        ActionLogger(url="http://127.0.0.1:9", json_store="").start_action_attempt("a", "b", {}, "c").mark_success()
        ended = time.monotonic()
        """,
        {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "ACTIONLOG_JOURNAL_DIR": str(tmp_path)},
        seconds=120,
    )
    assert done.returncode == 0, done.stderr
    assert "kept in the journal" in done.stderr
    assert float(done.stdout) < 20


def test_forked_workers_record_for_themselves(server: Server, tmp_path: Path) -> None:
    """As gunicorn and celery do: the logger is made, and used, before the fork."""
    done = run(
        """
        import os
        import threading
        import traceback
        from actionlog_client import ActionLogger, recorder
        recorder.EXIT_SECONDS = 60
        action_logger = ActionLogger(json_store="")
        shared = action_logger.start_action_attempt("shared", "restart", {}, "forks")
        # A thread that logs all the while, so that locks are held at the moment of the fork.
        stop = threading.Event()
        def work():
            attempt = action_logger.start_action_attempt("thread", "restart", {}, "forks")
            while not stop.is_set():
                attempt.log_step("busy")
            attempt.mark_success()
        thread = threading.Thread(target=work)
        thread.start()
        children = []
        for number in range(4):
            child = os.fork()
            if not child:
                try:
                    with action_logger.start_action_attempt(f"child-{number}", "restart", {}, "forks") as attempt:
                        attempt.log_step("in the child", "done", {"pid": os.getpid()})
                    if number == 0:
                        shared.mark_success({"by": "a child"})
                    # The first two end as a worker does that is told to, the others are gone at once.
                    if number < 2:
                        action_logger.close(60)
                except BaseException:
                    traceback.print_exc()
                finally:
                    os._exit(0)
            children.append(child)
        # It is the forks that it is to meet; what it logs all together is to stay within the disk budget.
        stop.set()
        thread.join()
        for child in children:
            assert os.waitpid(child, 0)[1] == 0
        action_logger.start_action_attempt("parent", "restart", {}, "forks").mark_success()
        """,
        engine_environment(server, tmp_path),
        seconds=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    journals = journals_in(tmp_path)
    assert len(journals) == 5
    with ActionLogger(server.url, server.api_key, tmp_path, json_store="") as heir:
        heir.start_action_attempt("heir", "restart", {}, "heir").mark_success()
        wait_until_complete(server, journals)
    found = {attempt["action_id"]: attempt for attempt in attempts_of(server, "forks")}
    assert found.keys() == {"shared", "thread", "parent", *(f"child-{number}" for number in range(4))}
    assert {attempt["status"] for attempt in found.values()} == {"success"}
    assert found["shared"]["result"] == {"by": "a child"}
    assert len(found["child-3"]["logs"]) == 1


def test_parent_and_child_tell_of_one_attempt_and_every_step_is_on_record(server: Server, tmp_path: Path) -> None:
    done = run(
        """
        import os
        import threading
        from actionlog_client import ActionLogger, recorder
        recorder.EXIT_SECONDS = 60
        action_logger = ActionLogger(json_store="")
        shared = action_logger.start_action_attempt("shared", "restart", {}, "one attempt")
        # A thread that holds the attempt's lock at the moment of the fork.
        held, forked = threading.Event(), threading.Event()
        def hold():
            with shared._lock:
                held.set()
                forked.wait()
        threading.Thread(target=hold).start()
        held.wait()
        children = []
        for number in range(3):
            child = os.fork()
            if not child:
                assert action_logger._still_open() == []
                for step in range(5):
                    shared.log_step("in a child", "done", {"child": number, "step": step})
                with shared._lock:
                    pass
                action_logger.close(60)
                os._exit(0)
            children.append(child)
        forked.set()
        for step in range(5):
            shared.log_step("in the parent", "done", {"step": step})
        for child in children:
            assert os.waitpid(child, 0)[1] == 0
        shared.mark_success()
        """,
        engine_environment(server, tmp_path),
    )
    assert (done.returncode, done.stderr) == (0, "")
    (found,) = attempts_of(server, "one attempt")
    assert len(found["logs"]) == 20
    assert [step["step"] for step in found["logs"][:5]] == ["in the parent"] * 5


def test_orphans_of_an_outage_do_not_use_up_the_open_files_of_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many runs of a cron job leave them behind while the server is away."""
    monkeypatch.setattr("actionlog_client.upkeep.ADOPT_SECONDS", 0.0)
    monkeypatch.setattr("actionlog_client.upkeep.TEND_SECONDS", 0.05)
    orphans = JournalDirectory(tmp_path / "journal", 1 << 24)
    for number in range(60):
        journal = orphans.begin()
        journal.append("attempt", f"a{number}", b'{"action_id":"a"}', "in_progress", weight=Weight.START)
        orphans.release(journal)
    before = len(os.listdir("/proc/self/fd"))
    with ActionLogger("http://127.0.0.1:9", None, tmp_path / "journal", json_store=tmp_path / "store") as action_logger:
        action_logger.start_action_attempt("a", "restart", {}, "inc").mark_success()
        wait_until(lambda: sum(state.is_held for state in orphans.journals()) >= 10)
        for _ in range(20):
            time.sleep(0.05)
            assert before < len(os.listdir("/proc/self/fd")) < before + 70
        action_logger.close(0.1)


def test_what_another_thread_logs_during_close_is_counted_in_a_journal_of_its_own(
    server: Server, tmp_path: Path
) -> None:
    stop = threading.Event()
    action_logger = ActionLogger(server.url, server.api_key, tmp_path, json_store="")

    def work() -> None:
        while not stop.is_set():
            action_logger.start_action_attempt("a", "restart", {}, "closing").mark_success()
            time.sleep(0.001)

    def is_written() -> bool:
        return int(action_logger.health()["written"]) > 0

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for _ in range(5):
            wait_until(is_written)
            time.sleep(0.2)
            assert action_logger.close(60)
        wait_until(is_written)
        time.sleep(0.2)
    finally:
        stop.set()
        thread.join()
    assert action_logger.flush(60)
    health = action_logger.health()
    assert health["written"] == health["delivered"] > 0
    assert action_logger.close(60)
    assert len(wait_until_complete(server, journals_in(tmp_path))) == 6


def test_actions_that_end_without_an_outcome_use_up_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actionlog_client.upkeep.ADOPT_SECONDS", 0.0)
    monkeypatch.setattr("actionlog_client.upkeep.TEND_SECONDS", 0.05)
    rounds: list[int] = []
    expect_outcomes = FileJournal.expect_outcomes

    def counted(journal: FileJournal, most: int) -> None:
        expect_outcomes(journal, most)
        rounds.append(most)

    monkeypatch.setattr(FileJournal, "expect_outcomes", counted)
    with ActionLogger("", journal_dir=tmp_path, json_store="", disk_budget=1 << 20) as action_logger:
        for _ in range(3000):
            action_logger.start_action_attempt("a", "restart", {}, "inc").complete()
        assert action_logger.start_action_attempt("b", "restart").dropped_steps == 0
        # Of these the engine lets go without an end.
        for number in range(3000):
            action_logger.start_action_attempt("c", "restart", {}, "inc")
            if not number % 300:
                # Of those so far it knows once it has looked again.
                seen = len(rounds)
                wait_until(lambda seen=seen: len(rounds) >= seen + 2)  # type: ignore[misc]


def test_a_folder_of_files_that_cannot_be_written_stops_no_engine_that_delivers(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("actionlog_client.upkeep.TEND_SECONDS", 0.02)
    rooms: list[Room] = []
    allow = FileJournal.allow

    def noted(journal: FileJournal, room: Room) -> None:
        allow(journal, room)
        rooms.append(room)

    monkeypatch.setattr(FileJournal, "allow", noted)
    blocked = tmp_path / "file"
    blocked.touch()
    store = blocked / "store"
    with ActionLogger(
        server.url, server.api_key, tmp_path / "journal", json_store=store, disk_budget=1 << 17
    ) as action_logger:
        for number in range(200):
            with action_logger.start_action_attempt("a", "restart", {}, "stuck store") as attempt:
                attempt.log_step("step", "done", {"text": "x" * 200})
            assert not attempt.dropped_steps
            if not number % 4:
                wait_until(lambda: not action_logger.health()["waiting"])
                # Room is made in the background, for a few attempts at least, once what there is was delivered.
                seen = len(rooms)
                wait_until(lambda seen=seen: len(rooms) >= seen + 2 and rooms[-1].steps > 5000)  # type: ignore[misc]
    assert len([record for record in caplog.records if "for room before they were stored" in record.getMessage()]) == 1


def test_no_thread_loads_a_module(server: Server, tmp_path: Path) -> None:
    """A fork at that moment would leave the child a module that nobody ever finishes loading."""
    done = run(
        f"""
        import sys
        from actionlog_client import ActionLogger
        action_logger = ActionLogger(json_store={str(tmp_path / "store")!r})
        loaded = set(sys.modules)
        action_logger.start_action_attempt("a", "restart", {{}}, "modules").mark_failure("no")
        assert action_logger.flush(60)
        print(sorted(set(sys.modules) - loaded))
        """,
        engine_environment(server, tmp_path, url=server.url.replace("127.0.0.1", "localhost")),
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_a_restarted_engine_delivers_what_was_logged_while_the_server_was_down(server: Server, tmp_path: Path) -> None:
    environment = engine_environment(server, tmp_path, url="http://127.0.0.1:9")
    script = """
        from actionlog_client import ActionLogger
        action_logger = ActionLogger(json_store="")
        for number in range(50):
            action_logger.start_action_attempt(f"a{number}", "restart", {}, "outage").mark_success()
        """
    assert run(script, environment).returncode == 0
    assert attempts_of(server, "outage") == []
    with ActionLogger(server.url, server.api_key, tmp_path, json_store="") as action_logger:
        action_logger.start_action_attempt("b", "restart", {}, "after").mark_success()
        wait_until_complete(server, journals_in(tmp_path))
    assert len(attempts_of(server, "outage")) == 50


def test_the_end_of_an_engine_that_died_with_all_delivered_is_told_by_the_next_one(
    server: Server, tmp_path: Path
) -> None:
    done = run(
        """
        import os
        from actionlog_client import ActionLogger
        action_logger = ActionLogger(json_store="")
        action_logger.start_action_attempt("a", "restart", {}, "died").mark_success()
        assert action_logger.flush(60)
        os._exit(9)
        """,
        engine_environment(server, tmp_path),
    )
    assert done.returncode == 9, done.stderr
    (journal,) = journals_in(tmp_path)
    (engine,) = wait_until_complete(server, [journal])
    assert engine["closed_at"] is None
    with ActionLogger(server.url, server.api_key, tmp_path, json_store="") as heir:
        heir.start_action_attempt("heir", "restart", {}, "heir").mark_success()
        wait_until(lambda: get(server, f"/api/engines/{journal}/")["closed_at"] is not None)


def test_open_attempts_are_heard_of_without_a_word_from_the_engine(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actionlog_client.delivery.courier.HEARTBEAT_SECONDS", 0.2)
    with ActionLogger(server.url, server.api_key, tmp_path, json_store="") as action_logger:
        resolution = action_logger.resolution("long")
        attempt = resolution.start_action_attempt("a", "restart", {})
        done = resolution.start_action_attempt("b", "restart", {})
        done.mark_success()
        assert action_logger.flush(60)
        first = {found["action_id"]: found["last_heard_at"] for found in attempts_of(server, "long")}

        def heard() -> dict[str, str]:
            return {found["action_id"]: found["last_heard_at"] for found in attempts_of(server, "long")}

        def session_heard() -> str:
            (session,) = get(server, "/api/resolution-monitor/", incident_id="long")["resolution_attempts"]
            return str(session["last_heard_at"])

        wait_until(lambda: heard()["a"] > first["a"])
        wait_until(lambda: session_heard() > first["a"])
        assert heard()["b"] == first["b"]
        attempt.mark_success()
        resolution.resolved()


def test_open_attempts_are_heard_of_while_the_engine_is_busy_with_others(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actionlog_client.delivery.courier.HEARTBEAT_SECONDS", 0.5)
    stop = threading.Event()
    with ActionLogger(server.url, server.api_key, tmp_path, json_store="") as action_logger:

        def work() -> None:
            while not stop.is_set():
                action_logger.start_action_attempt("b", "restart", {}, "others").mark_success()
                time.sleep(0.001)

        attempt = action_logger.start_action_attempt("a", "restart", {}, "long and busy")
        thread = threading.Thread(target=work)
        thread.start()
        try:
            deadline = time.monotonic() + WAIT_SECONDS
            heard: set[str] = set()
            while len(heard) < 3:
                heard |= {found["last_heard_at"] for found in attempts_of(server, "long and busy")}
                assert time.monotonic() < deadline
                time.sleep(0.05)
            # What was told before is delivered, though more is told all the while.
            assert action_logger.flush(WAIT_SECONDS)
            attempt.mark_success()
        finally:
            stop.set()
            thread.join()


@pytest.mark.parametrize("most", range(5))
def test_an_engine_that_may_begin_no_thread_is_not_disturbed_and_delivers_later(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """As at the limit of processes of a container, and at the end of newer interpreters."""
    begun: list[threading.Thread] = []
    begin = threading.Thread.start

    caller = threading.current_thread()

    def start(thread: threading.Thread) -> None:
        if threading.current_thread() is not caller:  # of another test, which goes on behind
            begin(thread)
            return
        if len(begun) >= most:
            raise RuntimeError("can't start new thread")
        begun.append(thread)
        begin(thread)

    monkeypatch.setattr("actionlog_client.recorder.BEGIN_AGAIN_SECONDS", 0.0)
    action_logger = ActionLogger(server.url, server.api_key, tmp_path / "journal", json_store=tmp_path / "store")
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", start)
        attempt = action_logger.start_action_attempt("a", "restart", {}, f"threads {most}")
    for thread in begun:
        thread.join(WAIT_SECONDS)
        assert not thread.is_alive()
    attempt.mark_success()
    assert action_logger.close(WAIT_SECONDS)
    assert [found["status"] for found in attempts_of(server, f"threads {most}")] == ["success"]


def test_without_a_server_local_files_answer(tmp_path: Path) -> None:
    store = tmp_path / "action_logs"
    with ActionLogger("", journal_dir=tmp_path / "journal", json_store=store) as action_logger:
        running = action_logger.start_action_attempt("a", "restart", {"n": 1}, "inc_001")
        running.log_step("look", "in_progress", {"n": 1})
        action_logger.start_action_attempt("b", "restart", {}, "inc_001").mark_failure("no")
        assert action_logger.flush(60)
        found = action_logger.get_action_attempts_by_incident("inc_001")
        assert [(attempt["action_id"], attempt["status"]) for attempt in found] == [
            ("a", "in_progress"),
            ("b", "failed"),
        ]
        assert found[0]["logs"][0]["step"] == "look"
        running.mark_success()
        statistics = action_logger.get_action_statistics(days_back=1)
        assert (statistics["success_rate"], statistics["n"], statistics["source"]) == (0.5, 2, "local")
        assert action_logger.flush(60)
    files = {json.loads(path.read_text())["action_id"]: json.loads(path.read_text()) for path in store.glob("*.json")}
    assert files.keys() == {"a", "b"}
    assert files["a"]["logs"][0]["step"] == "look"
    # Another process reads the same.
    again = ActionLogger("", journal_dir=tmp_path / "journal", json_store=store)
    assert again.get_action_statistics(days_back=1)["total_attempts"] == 2


def test_a_server_that_is_away_is_answered_for_by_local_files(tmp_path: Path) -> None:
    with ActionLogger("http://127.0.0.1:9", "key", tmp_path, json_store="") as action_logger:
        action_logger.start_action_attempt("a", "restart", {}, "inc").mark_success()
        assert action_logger.get_action_statistics()["source"] == "local"
        assert [found["status"] for found in action_logger.get_action_attempts_by_incident("inc")] == ["success"]
        action_logger.close(0.1)


def test_a_folder_that_cannot_be_written_stops_starts_and_names_itself(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    action_logger = ActionLogger("", journal_dir=blocked / "journal", json_store="")
    with pytest.raises(JournalFull, match=str(blocked)):
        action_logger.start_action_attempt("a", "restart", {}, "inc")
    assert action_logger.close()


def test_a_spent_budget_drops_steps_then_refuses_starts_and_keeps_outcomes(server: Server, tmp_path: Path) -> None:
    started = []
    action_logger = ActionLogger(
        "http://127.0.0.1:9", server.api_key, tmp_path, json_store="", disk_budget=256 * 1024, engine="tight"
    )

    def act(number: int) -> None:
        attempt = action_logger.start_action_attempt(f"a{number}", "restart", {}, "tight")
        started.append(attempt)
        attempt.log_step("talk", "done", {"text": "x" * 1000})

    with pytest.raises(JournalFull, match="ACTIONLOG_DISK_BUDGET"):
        deque(map(act, range(10_000)), maxlen=0)
    for attempt in started:
        attempt.mark_success()
    assert any(attempt.dropped_steps for attempt in started)
    action_logger.close(0.1)
    size = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert size <= 256 * 1024
    with ActionLogger(server.url, server.api_key, tmp_path, json_store="") as heir:
        heir.start_action_attempt("heir", "restart", {}, "heir").mark_success()
        wait_until_complete(server, journals_in(tmp_path))
    found = {attempt["attempt_id"]: attempt for attempt in attempts_of(server, "tight")}
    assert found.keys() == {attempt.attempt_id for attempt in started}
    assert {attempt["status"] for attempt in found.values()} == {"success"}
    for attempt in started:
        told = found[attempt.attempt_id]
        if attempt.dropped_steps:
            assert told["extra"]["dropped_steps"] == 1
            assert told["logs"] == []
        else:
            assert len(told["logs"]) == 1


ON_A_FULL_DISK = """
import os
import sys
import threading
import time
from pathlib import Path
from actionlog_client import ActionLogger
from actionlog_client.journal.directory import JournalDirectory

disk = Path(sys.argv[1])
action_logger = ActionLogger(json_store="", journal_dir=disk / "journal", disk_budget=4 << 20)
attempts = [action_logger.start_action_attempt(f"a{number}", "fill", {}, "full disk") for number in range(300)]
assert action_logger.flush(60)
# The reserve is given up too: it would take what is told.
with open(disk / "ballast", "wb", buffering=0) as ballast:
    while True:
        try:
            if not ballast.write(b"x" * 4096):
                break
        except OSError:
            break
for attempt in attempts:
    attempt.mark_success({"text": "x" * 900})
journal = action_logger._recorder._journal
assert journal.waiting, journal.obstacle
began = time.monotonic()
assert not action_logger.flush(1)
assert 0.8 < time.monotonic() - began < 30
if sys.argv[2] == "room":
    # It waits until there is room again.
    threading.Timer(1, (disk / "ballast").unlink).start()
    assert action_logger.flush(60)
    assert not journal.waiting
    assert action_logger.close()
elif sys.argv[2] == "close":
    threading.Timer(1, (disk / "ballast").unlink).start()
    assert action_logger.close(60)
elif sys.argv[2] == "lost":
    assert not action_logger.close(1)
# Else the exit handler says it.
"""


@pytest.mark.parametrize("how", ["room", "close", "lost", "exit"])
def test_outcomes_that_wait_for_a_full_disk_are_not_said_to_be_delivered(
    server: Server, tmp_path: Path, how: str
) -> None:
    script = 'mount -t tmpfs -o size=2m tmpfs "$1" && exec "$2" -c "$3" "$1" "$4"'
    command = ["unshare", "-m", "sh", "-c", script, "sh", str(tmp_path), sys.executable, ON_A_FULL_DISK, how]
    try:
        ran = subprocess.run(
            command,
            cwd=ROOT,
            env=engine_environment(server, tmp_path),
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("There is no unshare here.")
    if ran.returncode and ("unshare:" in ran.stderr or "mount:" in ran.stderr):
        pytest.skip(f"No file system can be mounted here: {ran.stderr}")
    assert ran.returncode == 0, ran.stderr
    assert ("were never written and are lost: " in ran.stderr) == (how in ("lost", "exit")), ran.stderr
