"""Reading on, rewinding, acknowledging, and reading what a power loss has left."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actionlog_client.journal.directory import JournalDirectory
from actionlog_client.journal.entries import Entry, Weight
from actionlog_client.journal.file import FileJournal
from actionlog_client.journal.folder import JournalFolder
from actionlog_client.journal.reader import Batch, JournalReader
from actionlog_client.tests.journals import append, directory, entries_in, everything, numbers_in


@pytest.fixture
def journal(tmp_path: Path) -> FileJournal:
    journal = directory(tmp_path).begin()
    for number in range(10):
        append(journal, Weight.STEP, sequence=number)
    return journal


def numbers(batch: Batch | None) -> list[int]:
    assert batch is not None
    return [entry.number for entry in batch.entries]


def segment(journal: FileJournal, number: int = 1) -> Path:
    return journal.folder.segment_path(number)


def test_a_reader_of_a_journal_that_has_nothing_yet_waits(tmp_path: Path) -> None:
    journal = directory(tmp_path).begin()
    reader = journal.reader("delivered")
    assert reader.read() is None
    assert not journal.path.exists()
    append(journal, Weight.START)
    assert numbers(reader.read()) == [1]
    assert reader.read() is None
    append(journal, Weight.OUTCOME)
    assert numbers(reader.read()) == [2]


def test_batches_follow_each_other_within_their_limits(journal: FileJournal) -> None:
    reader = journal.reader("delivered")
    assert numbers(reader.read(3)) == [1, 2, 3]
    line = segment(journal).stat().st_size // 10
    assert numbers(reader.read(100, 2 * line + 10)) == [4, 5]
    assert numbers(reader.read(100, 1)) == [6]
    assert numbers(reader.read()) == [7, 8, 9, 10]
    assert reader.read() is None


def test_one_entry_larger_than_everything_is_read(journal: FileJournal) -> None:
    append(journal, Weight.STEP, details="x" * 3_000_000)
    append(journal, Weight.OUTCOME)
    reader = journal.reader("delivered")
    assert numbers(reader.read(10)) == list(range(1, 11))
    batch = reader.read(10, 1000)
    assert numbers(batch) == [11]
    assert batch is not None
    assert len(bytes(batch.entries[0].steps)) > 3_000_000
    assert numbers(reader.read()) == [12]


def test_rewinding_reads_again_what_was_not_acknowledged(journal: FileJournal) -> None:
    reader = journal.reader("delivered")
    first, second = reader.read(3), reader.read(3)
    assert first is not None
    assert second is not None
    reader.acknowledge(first)
    reader.rewind()
    assert numbers(reader.read(2)) == [4, 5]


def test_batches_in_flight_are_acknowledged_in_their_order(journal: FileJournal) -> None:
    reader = journal.reader("delivered")
    batches = [reader.read(4), reader.read(4), reader.read(4)]
    taken = [batch for batch in batches if batch is not None]
    with pytest.raises(ValueError, match="batch before"):
        reader.acknowledge(taken[1])
    for batch in taken:
        reader.acknowledge(batch)
    assert reader.done.number == 10
    assert reader.is_at_end()
    assert JournalReader(journal.folder, "delivered").read() is None
    assert numbers(JournalReader(journal.folder, "stored").read(1)) == [1]


def test_a_cursor_that_cannot_be_read_begins_anew(journal: FileJournal) -> None:
    reader = journal.reader("delivered")
    batch = reader.read(4)
    assert batch is not None
    reader.acknowledge(batch)
    cursor = journal.path / "delivered"
    assert numbers(JournalReader(journal.folder, "delivered").read(1)) == [5]
    cursor.write_bytes(b"9" + cursor.read_bytes()[1:])
    assert numbers(JournalReader(journal.folder, "delivered").read(1)) == [1]


def test_a_reader_goes_on_from_segment_to_segment(tmp_path: Path) -> None:
    journal = JournalDirectory(tmp_path, 256 * 1024).begin()
    reader = journal.reader("delivered")
    found = []
    for count in range(600):
        append(journal, Weight.OUTCOME if count % 2 else Weight.START)
        if count % 7 == 0:
            batch = reader.read(3)
            assert batch is not None
            found += numbers(batch)
            reader.acknowledge(batch)
    assert len(journal.folder.segments()) > 5
    found += [entry.number for entry in everything(reader)]
    assert found == list(range(1, 601))
    assert numbers_in(journal.folder) == found


def test_an_unfinished_line_is_waited_for(journal: FileJournal) -> None:
    whole = segment(journal).read_bytes()
    segment(journal).write_bytes(whole[:-20])
    reader = JournalReader(journal.folder, "delivered")
    assert numbers(reader.read()) == list(range(1, 10))
    assert reader.read() is None
    segment(journal).write_bytes(whole)
    assert numbers(reader.read()) == [10]


def test_a_damaged_line_is_skipped_and_counted(journal: FileJournal) -> None:
    lines = segment(journal).read_bytes().split(b"\n")
    lines[3] = lines[3].replace(b"restart", b"resturt")
    lines[6] = b"\0" * len(lines[6])
    segment(journal).write_bytes(b"\n".join(lines))
    reader = JournalReader(journal.folder, "delivered")
    batch = reader.read()
    assert numbers(batch) == [1, 2, 3, 5, 6, 8, 9, 10]
    assert batch is not None
    assert (batch.damaged, batch.damaged_numbers) == (2, (4,))
    reader.acknowledge(batch)
    assert reader.is_at_end()


def test_a_journal_of_nothing_but_damage_comes_to_its_end(journal: FileJournal) -> None:
    segment(journal).write_bytes(b"what\nis\nthis\n")
    reader = JournalReader(journal.folder, "delivered")
    batch = reader.read()
    assert batch is not None
    assert (batch.entries, batch.damaged) == ([], 3)
    reader.acknowledge(batch)
    assert reader.is_at_end()


class Written:
    """A journal of three segments, made once, whose bytes are damaged in many ways."""

    def __init__(self) -> None:
        with TemporaryDirectory() as home:
            journal = JournalDirectory(Path(home), 64 * 1024).begin()
            while len(journal.folder.segments()) < 3 or journal.written % 10:
                started = f"a{journal.written}"
                append(journal, Weight.START, started)
                append(journal, Weight.OUTCOME, started)
            self.name = journal.path.name
            self.segments = [
                journal.folder.segment_path(each.number).read_bytes() for each in journal.folder.segments()
            ]
            self.entries = {entry.number: entry for entry in entries_in(journal.folder)}
            journal.close()


WRITTEN = Written()
SIZES = [len(segment) for segment in WRITTEN.segments]


@settings(max_examples=150, deadline=None)
@given(
    cut=st.tuples(st.integers(0, len(SIZES) - 1), st.floats(0, 1)),
    flips=st.lists(st.tuples(st.integers(0, len(SIZES) - 1), st.floats(0, 1), st.integers(1, 255)), max_size=6),
    most=st.integers(1, 30),
)
def test_whatever_happened_to_the_files_reading_neither_raises_nor_invents(
    cut: tuple[int, float], flips: list[tuple[int, float, int]], most: int
) -> None:
    segments = [bytearray(segment) for segment in WRITTEN.segments]
    for index, place, bits in flips:
        segments[index][int(place * (SIZES[index] - 1))] ^= bits
    index, place = cut
    del segments[index][int(place * SIZES[index]) :]
    with TemporaryDirectory() as home:
        path = Path(home) / WRITTEN.name
        path.mkdir()
        folder = JournalFolder(path)
        for number, content in enumerate(segments, start=1):
            folder.segment_path(number).write_bytes(content)
        reader = JournalReader(folder, "delivered")
        found: list[Entry] = []
        damaged = 0
        while (batch := reader.read(most)) is not None:
            found += batch.entries
            damaged += batch.damaged
            reader.acknowledge(batch)
        assert reader.is_at_end()
        reader.close()
    numbers_found = [entry.number for entry in found]
    assert numbers_found == sorted(set(numbers_found))
    assert all(WRITTEN.entries[entry.number] == entry for entry in found)
    # A flip costs the line it is in, or two when it was the newline between them.
    lost_by_cut = WRITTEN.segments[index][int(place * SIZES[index]) :].count(b"\n")
    assert len(found) >= len(WRITTEN.entries) - lost_by_cut - 2 * len(flips)
    assert damaged <= 2 * len(flips)


def test_fsync_writes_to_the_disk_before_it_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    really = os.fdatasync

    def counted(file: int) -> None:
        really(file)
        synced.append(os.fstat(file).st_size)

    monkeypatch.setattr(os, "fdatasync", counted)
    journal = JournalDirectory(tmp_path, 1 << 20, fsync=True).begin()
    for count in range(1, 4):
        append(journal, Weight.START)
        assert len(synced) == count
        assert synced[-1] == segment(journal).stat().st_size
    append(directory(tmp_path).begin(), Weight.START)
    assert len(synced) == 3
