"""The command in a process of its own: killed at any moment, stopped, on a terminal, watching, without its database."""

import fcntl
import os
import pty
import random
import re
import signal
import struct
import subprocess
import termios
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection

from attempts.models import ActionAttempt, ActionLog, Refusal
from resolutions.importing import importer
from resolutions.importing.tests.logs import IMPORTER, import_logs, importing, log, write
from resolutions.models import FeedEntry, ImportedFile

pytestmark = pytest.mark.django_db(transaction=True)


FILES = 4000
KILLS = 5
PATIENCE_SECONDS = 90


def wait_until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def is_stored(document: dict[str, Any]) -> bool:
    return ActionAttempt.objects.filter(attempt_id=document["attempt_id"]).exists()


def outcome_in_ledger(path: Path) -> str | None:
    return ImportedFile.objects.filter(path=str(path)).values_list("outcome", flat=True).first()


def has_begun(process: "subprocess.Popen[str]", files_before: int) -> bool:
    return ImportedFile.objects.count() > files_before or process.poll() is not None


def last_line(text: str) -> str:
    return text.splitlines()[-1]


def interrupted(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    """Ctrl-C: its exit status and what it said."""
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, out, err


def test_killed_at_any_moment_and_run_again_everything_is_recorded_once(tmp_path: Path) -> None:
    documents = [log(action_id=f"a-{number}") for number in range(FILES)]
    for number, document in enumerate(documents):
        write(tmp_path / f"{number % 7}" / f"{number}.json", document)
    write(tmp_path / "bad.json", b"{")
    chance = random.Random(7)
    found = []
    for _ in range(KILLS):
        began = ImportedFile.objects.count()
        with importing(tmp_path) as process:
            # At a moment between the first batch of this run and the last, wherever in its work that is.
            wait_until(partial(has_begun, process, began))
            time.sleep(chance.uniform(0, 0.15))
            process.kill()
        found.append(ActionAttempt.objects.count())
    assert any(0 < count < FILES for count in found), found

    done = import_logs(tmp_path)

    assert (done.status, done.summary[-7:]) == (1, ", 1 bad")
    stored = Counter(str(each) for each in ActionAttempt.objects.values_list("attempt_id", flat=True))
    assert stored == Counter(document["attempt_id"] for document in documents)
    assert ActionLog.objects.count() == 2 * FILES
    assert Refusal.objects.count() == 0
    assert ImportedFile.objects.exclude(outcome="bad").count() == FILES
    told = Counter(str(each) for entry in FeedEntry.objects.all() for each in entry.attempt_ids)
    assert told == stored
    call_command("rebuild_metrics", "--check")
    assert import_logs(tmp_path).summary.endswith(f"{FILES} imported before, 1 bad")


def test_interrupted_it_says_so_and_how_to_go_on(tmp_path: Path) -> None:
    before = 0
    for turn in range(5):
        folder = tmp_path / str(turn)
        for number in range(FILES):
            write(folder / f"{number}.json", log())
        with importing(folder) as process:
            wait_until(lambda: ImportedFile.objects.count() > before)  # noqa: B023  # called at once
            status, out, err = interrupted(process)
        assert (status, last_line(err)) == (130, "Interrupted. Run the same command again to go on from here.")
        imported = int(out.split()[0])
        assert imported > 0
        assert before + imported == ImportedFile.objects.count() == ActionAttempt.objects.count()
        if imported < FILES:
            return
        # Where the machine kept us waiting, the interrupt came with the last of its work: once more, with new files.
        before += imported
    pytest.fail("each import came to its end before it could be interrupted")


def test_a_terminal_gets_a_progress_bar_and_bad_files_above_it(tmp_path: Path) -> None:
    for number in range(50):
        write(tmp_path / f"{number}.json", log())
    write(tmp_path / "bad.json", b"{")
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    with importing(tmp_path, stderr=theirs) as process:
        out, _ = process.communicate(timeout=PATIENCE_SECONDS)
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert process.returncode == 1
    assert last_line(out) == "50 imported, 0 updated, 0 unchanged, 0 imported before, 1 bad"
    assert re.search(r"100%\|.*\| 51/51 ", shown)
    assert f"bad: {tmp_path}/bad.json: This is not JSON" in shown


def test_a_watched_folder_is_imported_as_it_grows_until_ctrl_c(tmp_path: Path) -> None:
    first, later, half = log(), log(), log()
    write(tmp_path / "first.json", first)
    with importing(tmp_path, "--watch") as process:
        wait_until(lambda: is_stored(first))
        write(tmp_path / "new" / "later.json", later)
        unfinished = write(tmp_path / "half.json", b'{"attempt_id"')
        wait_until(lambda: is_stored(later))
        wait_until(lambda: outcome_in_ledger(unfinished) == "bad")
        write(unfinished, half)
        wait_until(lambda: outcome_in_ledger(unfinished) == "imported")
        assert is_stored(half)

        # Its connections are lost, and it goes on with others.
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = %s",
                [IMPORTER],
            )
            assert cursor.rowcount > 0
        last = log()
        write(tmp_path / "last.json", last)
        wait_until(lambda: is_stored(last))
        wait_until(lambda: outcome_in_ledger(tmp_path / "last.json"))
        status, out, err = interrupted(process)
    assert (status, last_line(out)) == (0, "4 imported, 0 updated, 0 unchanged, 0 imported before, 0 bad")
    assert err.count("bad: ") == 1
    assert "Traceback" not in err


def test_a_folder_that_is_none_ends_the_command_with_2(tmp_path: Path) -> None:
    with importing(tmp_path / "missing") as process:
        _, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 2
    assert err == (
        f"CommandError: '{tmp_path}/missing' is not a folder that can be read: No such file or directory. "
        "Name the folder with the JSON files.\n"
    )


def test_a_database_that_refuses_to_record_ends_the_command_with_what_to_do(tmp_path: Path) -> None:
    write(tmp_path / "a.json", log())
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE action_attempts RENAME TO away")
    try:
        with importing(tmp_path) as process:
            _, err = process.communicate(timeout=PATIENCE_SECONDS)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE away RENAME TO action_attempts")
    assert process.returncode == 1
    assert "Run the same command again to go on from there." in err
    assert "Traceback" not in err
    assert import_logs(tmp_path).status == 0


@pytest.mark.parametrize(("for_ever", "tries"), [(False, 4), (True, 7)])
def test_a_database_that_is_away_is_asked_again(monkeypatch: pytest.MonkeyPatch, *, for_ever: bool, tries: int) -> None:
    monkeypatch.setattr(importer, "RETRY_SECONDS", (0.01, 0.02, 0.03))
    stop = threading.Event()
    tried = 0

    def lose_the_connection() -> None:
        nonlocal tried
        tried += 1
        if tried == 7:
            stop.set()  # nobody waits any longer
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    patience = importer._Patience(stop, for_ever=for_ever)
    with pytest.raises(OperationalError):
        patience(lose_the_connection)
    assert tried == tries
