"""What a logger may rely upon, whichever journal it has."""

import threading
from pathlib import Path

import pytest
from msgspec import Raw

from actionlog_client.journal.entries import Entry, Journal, JournalClosed, Weight
from actionlog_client.journal.file import FileJournal
from actionlog_client.journal.memory import MemoryJournal
from actionlog_client.tests.journals import IDENTITY, append, directory, entries_in


@pytest.fixture(params=["file", "memory"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Journal:
    return directory(tmp_path).begin() if request.param == "file" else MemoryJournal()


def kept(journal: Journal) -> list[Entry]:
    if isinstance(journal, MemoryJournal):
        return journal.entries
    assert isinstance(journal, FileJournal)
    return entries_in(journal.folder)


def test_a_large_outcome_that_comes_first_is_kept_whole(journal: Journal) -> None:
    """As that of an attempt which an earlier journal has started."""
    result = b'{"result":"%b"}' % (b"x" * 5000)
    journal.append("attempt", "a1", IDENTITY, "success", facts=result, weight=Weight.OUTCOME)
    (told,) = kept(journal)
    assert (bytes(told.facts), bytes(told.extra)) == (result, b"{}")


def test_an_entry_is_kept_as_it_was_told(journal: Journal) -> None:
    number = journal.append(
        "resolution",
        "r1",
        IDENTITY,
        "resolved",
        facts=b'{"title":"\xc3\xa4"}',
        steps=b'[{"sequence":0}]',
        extra=b'{"a":[1,2]}',
        weight=Weight.OUTCOME,
    )
    assert kept(journal) == [
        Entry(
            number,
            "resolution",
            "r1",
            Raw(IDENTITY),
            "resolved",
            Raw(b'{"title":"\xc3\xa4"}'),
            Raw(b'[{"sequence":0}]'),
            Raw(b'{"a":[1,2]}'),
        )
    ]


def test_numbers_count_from_one_without_a_gap(journal: Journal) -> None:
    assert journal.written == 0
    assert [append(journal, weight) for weight in Weight for _ in range(3)] == list(range(1, 10))
    assert journal.written == 9


def test_threads_share_a_journal(journal: Journal) -> None:
    told: list[int] = []

    def work() -> None:
        told.extend([append(journal, Weight.STEP) for _ in range(500)])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == list(range(1, 2001))
    assert [entry.number for entry in kept(journal)] == list(range(1, 2001))


def test_a_closed_journal_takes_nothing_more(journal: Journal) -> None:
    append(journal, Weight.START)
    journal.close()
    journal.close()
    for weight in Weight:
        with pytest.raises(JournalClosed):
            append(journal, weight)
    assert journal.written == 1


def test_a_journal_left_to_the_parent_takes_nothing_more(journal: Journal) -> None:
    append(journal, Weight.START)
    journal.leave_to_parent()
    with pytest.raises(JournalClosed):
        append(journal, Weight.OUTCOME)


def test_every_journal_has_an_id_of_its_own(journal: Journal, tmp_path: Path) -> None:
    assert journal.journal_id not in {directory(tmp_path).begin().journal_id, MemoryJournal().journal_id}
