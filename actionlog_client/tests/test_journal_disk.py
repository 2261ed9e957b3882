"""A disk that is really full, a folder that cannot be made, a write that is cut short or fails."""

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from actionlog_client.journal.directory import JournalDirectory
from actionlog_client.journal.entries import JournalFull, Weight
from actionlog_client.journal.file import FileJournal
from actionlog_client.journal.room import UNLIMITED
from actionlog_client.tests.journals import append, directory, entries_in, numbers_in

ON_A_SMALL_DISK = """
import sys
from pathlib import Path
from actionlog_client.tests import test_journal_disk
test_journal_disk.fill_a_disk(Path(sys.argv[1]), sys.argv[2])
print("held")
"""


def fill_a_disk(path: Path, how: str) -> None:
    """Runs in a process of its own, where path is a file system of 2 MiB."""
    journals = directory(path, 4 * 1024 * 1024)
    journal = journals.begin()
    append(journal, Weight.START)
    journals.tend()
    assert (journal.path / "reserve").stat().st_size == 128 * 1024
    while append(journal, Weight.STEP, details="x" * 700):
        pass
    assert "No space left" in str(journal.obstacle)
    with pytest.raises(JournalFull, match="No space left"):
        list(iter(lambda: append(journal, Weight.START), 0))
    last = journal.written
    # The reserve takes outcomes, then the memory does.
    outcomes = [append(journal, Weight.OUTCOME) for _ in range(2000)]
    assert outcomes == list(range(last + 1, last + 2001))
    on_disk = numbers_in(journal.folder)
    assert last + 300 < len(on_disk) < last + 2000
    assert on_disk == list(range(1, len(on_disk) + 1))
    assert journal.waiting == journal.written - len(on_disk)
    assert append(journal, Weight.STEP) == 0
    with pytest.raises(JournalFull, match="No space left"):
        append(journal, Weight.START)
    if how == "ballast":
        (path / "ballast").unlink()
    else:
        # What was delivered goes when the disk is full, whatever the budget says.
        while (batch := journal.reader("delivered").read()) is not None and batch.end.segment < 3:
            journal.reader("delivered").acknowledge(batch)
        journals.tend()
    assert append(journal, Weight.START) == journal.written
    assert not journal.waiting
    numbers = numbers_in(journal.folder)
    assert numbers == list(range(numbers[0], journal.written + 1))
    assert (numbers[0] == 1) == (how == "ballast")
    assert append(journal, Weight.STEP) == journal.written
    journals.tend()
    assert journal.obstacle is None


@pytest.mark.parametrize("how", ["ballast", "delivered"])
def test_a_full_disk_stops_steps_and_starts_and_loses_no_outcome(tmp_path: Path, how: str) -> None:
    script = (
        'mount -t tmpfs -o size=2m tmpfs "$1" && head -c 700000 /dev/zero > "$1/ballast" && exec "$2" -c "$3" "$1" "$4"'
    )
    command = ["unshare", "-m", "sh", "-c", script, "sh", str(tmp_path), sys.executable, ON_A_SMALL_DISK, how]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except FileNotFoundError:
        pytest.skip("There is no unshare here.")
    if ran.returncode and ("unshare:" in ran.stderr or "mount:" in ran.stderr):
        pytest.skip(f"No file system can be mounted here: {ran.stderr}")
    assert ran.stdout == "held\n", ran.stderr


class Disk:
    """Stands between the journal and os.write: each call may be cut short or fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.really = os.write
        self.thread = threading.current_thread()
        self.script: list[int | OSError] = []
        monkeypatch.setattr("os.write", self.write)

    def write(self, file: int, content: bytes) -> int:
        # What threads of other tests still write is not meant.
        if not self.script or threading.current_thread() is not self.thread:
            return self.really(file, content)
        told = self.script.pop(0)
        if isinstance(told, OSError):
            raise told
        return self.really(file, content[:told])


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


@pytest.fixture
def journal(tmp_path: Path) -> FileJournal:
    journal = JournalDirectory(tmp_path, 1 << 20).begin()
    append(journal, Weight.START, "first")
    return journal


FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS])
@pytest.mark.parametrize("taken", [0, 1, 30, 100])
def test_a_line_that_is_cut_short_is_cut_off_again(journal: FileJournal, disk: Disk, error: int, taken: int) -> None:
    failure = OSError(error, os.strerror(error))
    disk.script = [taken, failure] if taken else [failure]
    before = journal.folder.segment_path(1).read_bytes()
    assert append(journal, Weight.STEP) == 0
    assert journal.folder.segment_path(1).read_bytes() == before
    disk.script = [taken, failure] if taken else [failure]
    with pytest.raises(JournalFull, match=os.strerror(error)):
        append(journal, Weight.START)
    assert append(journal, Weight.START, "again") == 2
    assert [entry.id for entry in entries_in(journal.folder)] == ["first", "again"]


def test_a_write_that_is_cut_short_and_then_goes_on_is_whole(journal: FileJournal, disk: Disk) -> None:
    disk.script = [10]
    assert append(journal, Weight.STEP) == 2
    assert numbers_in(journal.folder) == [1, 2]


def test_an_outcome_that_the_disk_refuses_waits_and_goes_before_all_others(journal: FileJournal, disk: Disk) -> None:
    disk.script = [FULL]
    assert append(journal, Weight.OUTCOME, "waits") == 2
    assert journal.waiting == 1
    assert append(journal, Weight.OUTCOME, "waits too") == 3
    assert append(journal, Weight.STEP) == 0
    assert append(journal, Weight.START, "after") == 4
    assert [entry.id for entry in entries_in(journal.folder)] == ["first", "waits", "waits too", "after"]


def test_closing_writes_what_waits(journal: FileJournal, disk: Disk) -> None:
    disk.script = [FULL]
    append(journal, Weight.OUTCOME, "waits")
    journal.close()
    assert [entry.id for entry in entries_in(journal.folder)] == ["first", "waits"]


def test_a_line_that_cannot_be_cut_off_harms_no_other(
    journal: FileJournal, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_file: int, _size: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    line = journal.folder.segment_path(1).stat().st_size
    for taken in (20, line - 2, line - 1):
        with monkeypatch.context() as patch:
            patch.setattr("os.ftruncate", refuse)
            disk.script = [taken, FULL]
            with pytest.raises(JournalFull):
                append(journal, Weight.START, "wrong")
        journal.tend()
        append(journal, Weight.START, "right")
    assert [entry.id for entry in entries_in(journal.folder)] == ["first", "right", "right", "right"]


def test_a_failed_fsync_is_a_failed_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = JournalDirectory(tmp_path, 1 << 20, fsync=True).begin()
    append(journal, Weight.START)

    def fail(_file: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("os.fdatasync", fail)
        with pytest.raises(JournalFull, match="Input/output error"):
            append(journal, Weight.START)
    assert append(journal, Weight.START) == 2
    assert numbers_in(journal.folder) == [1, 2]


def a_file(path: Path) -> None:
    path.write_bytes(b"")


def a_folder_nobody_can_write(path: Path) -> None:
    path.mkdir(mode=0o500)


@pytest.mark.parametrize("obstacle", [a_file, a_folder_nobody_can_write])
def test_a_folder_that_cannot_be_made_is_said_at_the_first_start(
    tmp_path: Path, obstacle: Callable[[Path], None]
) -> None:
    home = tmp_path / "home"
    obstacle(home)
    if obstacle is a_folder_nobody_can_write and os.access(home, os.W_OK):
        pytest.skip("This user may write everywhere.")
    journals = JournalDirectory(home / "journal", 1 << 20)
    journal = journals.begin()
    for _ in range(2):
        with pytest.raises(JournalFull, match=f"{home / 'journal'} cannot be written: (Not a dir|Permission)"):
            append(journal, Weight.START)
    assert append(journal, Weight.STEP) == 0
    assert journals.journals() == []
    assert journals.adopt() == []
    assert journals.make_room() is not UNLIMITED
    journals.tend()
    assert append(journal, Weight.OUTCOME) == 1
    journals.tend()
    if home.is_dir():
        home.chmod(0o700)
    else:
        home.unlink()
    journals.tend()
    assert append(journal, Weight.START) == 2
    assert numbers_in(journal.folder) == [1, 2]
