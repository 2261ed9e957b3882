"""The disk budget: what goes first, what is refused, and what is never refused."""

import json
import os
from pathlib import Path

import pytest

from actionlog_client.delivery.documents import documents_of
from actionlog_client.journal import room
from actionlog_client.journal.directory import JournalDirectory
from actionlog_client.journal.entries import JournalFull, Weight
from actionlog_client.journal.file import FileJournal
from actionlog_client.tests.journals import IDENTITY, append, directory, entries_in, everything, numbers_in

BUDGET = 256 * 1024
LONG = "x" * 400


def fill(journal: FileJournal, weight: Weight = Weight.STEP) -> int:
    """Append until it takes no more, or a whole budget's worth. Returns how many it took."""
    for count in range(2000):
        try:
            if not append(journal, weight, f"a{count % 5}", sequence=count, details=LONG):
                return count
        except JournalFull:
            return count
    return 2000


def deliver(journal: FileJournal, most: int = 1_000_000) -> None:
    """Acknowledge so many entries for the reader of deliveries."""
    reader = journal.reader("delivered")
    while most > 0 and (batch := reader.read(min(most, 1000))) is not None:
        reader.acknowledge(batch)
        most -= len(batch.entries)


def used(journals: JournalDirectory) -> int:
    return sum(state.size for state in journals.journals())


def test_journals_that_others_have_adopted_or_closed_take_no_share_of_the_room(tmp_path: Path) -> None:
    dead = [directory(tmp_path, BUDGET) for _ in range(10)]
    for journals in dead:
        append(journals.begin(), Weight.STEP)
        journals.release_all()
    elsewhere = directory(tmp_path, BUDGET)
    closed = elsewhere.begin()
    append(closed, Weight.STEP)
    closed.close()
    assert len(elsewhere.adopt(10)) == 10
    ours = directory(tmp_path, BUDGET)
    fill(ours.begin())
    assert used(ours) == pytest.approx(BUDGET * room.STEPS, rel=0.05)


def test_steps_end_first_then_starts_and_outcomes_never(tmp_path: Path) -> None:
    journals = directory(tmp_path, BUDGET)
    journal = journals.begin()
    fill(journal)
    assert used(journals) == pytest.approx(BUDGET * room.STEPS, rel=0.05)
    assert append(journal, Weight.STEP, details=LONG) == 0
    started = fill(journal, Weight.START)
    assert 0 < started < 200
    # What started has room for its outcome set aside.
    assert used(journals) + started * room.OUTCOME_ROOM == pytest.approx(BUDGET * room.STARTS, rel=0.05)
    with pytest.raises(JournalFull, match="ACTIONLOG_DISK_BUDGET"):
        append(journal, Weight.START)
    last = journal.written
    assert [append(journal, Weight.OUTCOME) for _ in range(started)] == list(range(last + 1, last + started + 1))
    assert not journal.waiting
    # Beyond that too: of attempts that an earlier journal has started, for one.
    assert [append(journal, Weight.OUTCOME) for _ in range(500)] == list(
        range(last + started + 1, last + started + 501)
    )
    assert used(journals) <= BUDGET + 500
    assert journal.waiting > 0
    assert numbers_in(journal.folder) == list(range(1, journal.written + 1 - journal.waiting))


def test_a_large_outcome_without_room_beside_the_others_keeps_its_status(tmp_path: Path) -> None:
    journals = directory(tmp_path, BUDGET)
    journal = journals.begin()
    append(journal, Weight.START, "large")
    fill(journal)
    others = [f"other-{number}" for number in range(fill(journal, Weight.START))]
    result = json.dumps({"result": "x" * (BUDGET // 4)}).encode()
    journal.append("attempt", "large", IDENTITY, "success", facts=result, weight=Weight.OUTCOME)
    for other in others:
        append(journal, Weight.OUTCOME, other)
    assert not journal.waiting
    (told,) = [entry for entry in entries_in(journal.folder) if entry.id == "large" and entry.status == "success"]
    assert json.loads(bytes(told.extra))["dropped_outcome_bytes"] > BUDGET // 4
    assert bytes(told.facts) == b"{}"


def test_outcomes_that_wait_are_written_in_order_once_there_is_room(tmp_path: Path) -> None:
    journals = directory(tmp_path, BUDGET)
    journal = journals.begin()
    fill(journal)
    fill(journal, Weight.START)
    for _ in range(500):
        append(journal, Weight.OUTCOME)
    assert journal.waiting
    deliver(journal)
    journals.tend()
    journals.tend()
    assert not journal.waiting
    number = append(journal, Weight.START)
    deliver(journal)
    assert journal.reader("delivered").done.number == number == journal.written


def test_what_waits_has_a_bound_and_its_numbers_stay_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actionlog_client.journal.file.WAITING_WHOLE", 2000)
    monkeypatch.setattr("actionlog_client.journal.file.WAITING_BARE", 4000)
    journals = directory(tmp_path, BUDGET)
    journal = journals.begin()
    append(journal, Weight.START)
    journal.allow(room.Room(0, 0, 0))
    for _ in range(100):
        journal.append(
            "attempt",
            "a",
            b'{"action_id":"b"}',
            "success",
            facts=b'{"result":"%b"}' % (b"x" * 300),
            weight=Weight.OUTCOME,
        )
    assert journal.written == 101
    journal.allow(room.UNLIMITED)
    journals.tend()
    assert not journal.waiting
    found = entries_in(journal.folder)
    assert [entry.number for entry in found] == list(range(1, len(found) + 1))
    whole = [entry.number for entry in found if len(bytes(entry.facts)) > 2]
    assert 3 < len(whole) < 10 < len(found) < 60
    assert all(entry.status == "success" for entry in found[1:])
    assert append(journal, Weight.START) == 102


def test_what_is_delivered_goes_first_and_only_for_room(tmp_path: Path) -> None:
    journals = directory(tmp_path, BUDGET)
    journal = journals.begin()
    for _ in range(150):
        append(journal, Weight.STEP, details=LONG)
    deliver(journal)
    journals.tend()
    assert journal.folder.segments()[0].number == 1
    fill(journal)
    deliver(journal, 100)
    journals.tend()
    assert journal.folder.segments()[0].number > 1
    assert used(journals) <= BUDGET * (room.STEPS + 0.07)
    # Nothing that is not delivered has gone.
    left = [entry.number for entry in everything(journal.reader("delivered"))]
    assert left[-1] == journal.written
    assert journal.reader("delivered").done.number + 1 == left[0]


def test_a_start_looks_for_room_itself(tmp_path: Path) -> None:
    journals = directory(tmp_path, BUDGET)
    journal = journals.begin()
    fill(journal)
    fill(journal, Weight.START)
    deliver(journal)
    journal._look_after = 0
    assert append(journal, Weight.START) == journal.written


def test_an_engine_that_delivers_is_never_short_of_room(tmp_path: Path) -> None:
    journals = directory(tmp_path, BUDGET)
    journal = journals.begin()
    for count in range(3000):
        assert append(journal, Weight.STEP, details=LONG)
        if count % 50 == 0:
            deliver(journal)
            journals.tend()
    assert used(journals) < BUDGET


def test_every_reader_must_be_done_before_a_segment_goes(tmp_path: Path) -> None:
    journals = directory(tmp_path, BUDGET, readers=("delivered", "stored"))
    journal = journals.begin()
    fill(journal)
    deliver(journal)
    journals.make_room()
    assert journal.folder.segments()[0].number == 1
    for batch in iter(journal.reader("stored").read, None):
        journal.reader("stored").acknowledge(batch)
    journals.make_room()
    assert journal.folder.segments()[0].number > 1


def test_with_no_reader_at_all_the_oldest_goes(tmp_path: Path) -> None:
    journals = directory(tmp_path, BUDGET, readers=())
    journal = journals.begin()
    fill(journal)
    journals.tend()
    assert journal.folder.segments()[0].number > 1
    assert append(journal, Weight.STEP)


def test_undelivered_steps_lose_their_details_but_no_number(tmp_path: Path) -> None:
    journals = directory(tmp_path, BUDGET)
    journal = journals.begin()
    append(journal, Weight.START, "a0")
    fill(journal)
    fill(journal, Weight.START)
    last = journal.written
    before = used(journals)
    journals.tend()
    assert used(journals) < before - BUDGET // 2
    assert append(journal, Weight.STEP, "a1", sequence=5000) == last + 1

    entries = list(everything(journal.reader("delivered")))
    assert sorted(number for entry in entries for number in entry.numbers()) == list(range(1, last + 2))
    documents = {document.id: document for document in documents_of(entries)}
    assert sorted(
        number for document in documents.values() for low, high in document.numbers() for number in range(low, high + 1)
    ) == list(range(1, last + 2))
    steps = {step["sequence"]: step for step in json.loads(documents["a1"].body())["logs"]}
    assert steps[1] == {"sequence": 1, "status": "dropped"}
    assert steps[5000]["step"] == "work"


def test_what_a_reader_has_begun_is_not_changed(tmp_path: Path) -> None:
    journals = directory(tmp_path, BUDGET)
    journal = journals.begin()
    reader = journal.reader("delivered")
    fill(journal)
    begun = [reader.read(10), *[reader.read(1000) for _ in range(3)]]
    reached = begun[-1].end.segment if begun[-1] else 0
    contents = [journal.folder.segment_path(number).read_bytes() for number in range(1, reached + 1)]
    later = journal.folder.segment_path(reached + 1)
    size = later.stat().st_size
    reader.rewind()
    journals.tend()
    assert [journal.folder.segment_path(number).read_bytes() for number in range(1, reached + 1)] == contents
    assert later.stat().st_size < size / 2
    assert sorted(number for entry in everything(reader) for number in entry.numbers()) == list(
        range(1, journal.written + 1)
    )


def test_a_step_larger_than_the_room_is_dropped_and_a_smaller_one_is_not(tmp_path: Path) -> None:
    journal = directory(tmp_path, BUDGET).begin()
    assert append(journal, Weight.STEP, details="x" * BUDGET) == 0
    assert append(journal, Weight.STEP, details=LONG) == 1


def test_two_writers_share_the_budget(tmp_path: Path) -> None:
    one, other = directory(tmp_path, BUDGET), directory(tmp_path, BUDGET)
    first, second = one.begin(), other.begin()
    append(first, Weight.START)
    append(second, Weight.START)
    one.tend()
    other.tend()
    assert fill(first) == pytest.approx(fill(second), rel=0.05)
    assert used(one) <= BUDGET * (room.STEPS + 0.05)


def test_finished_journals_go_when_there_are_many(tmp_path: Path) -> None:
    def finish(*, refused: bool = False) -> FileJournal:
        journals = directory(tmp_path)
        journal = journals.begin()
        append(journal, Weight.START)
        if refused:
            journal.put_aside([(1, 1)], "no", b"{}")
        deliver(journal)
        journals.release(journal)
        return journal

    with_refusal = finish(refused=True)
    first = finish()
    os.utime(first.path, (1, 1))
    for _ in range(room.KEPT_JOURNALS):
        finish()
    journals = directory(tmp_path)
    assert journals.adopt() == []
    journals.tend()
    left = journals.journals()
    assert len(left) == room.KEPT_JOURNALS + 1
    assert with_refusal.path in [state.path for state in left]
    assert not first.path.exists()


def test_the_orphans_of_others_give_room_too_once_they_are_delivered(tmp_path: Path) -> None:
    engine = directory(tmp_path, BUDGET)
    gone = engine.begin()
    fill(gone)
    engine.release(gone)
    journals = directory(tmp_path, BUDGET)
    journal = journals.begin()
    append(journal, Weight.START)
    assert append(journal, Weight.STEP, details=LONG) == 0
    (adopted,) = journals.adopt()
    while (batch := adopted.reader("delivered").read()) is not None:
        adopted.reader("delivered").acknowledge(batch)
    assert adopted.is_done(("delivered",))
    journals.release(adopted)
    journals.tend()
    assert not gone.path.exists()
    assert append(journal, Weight.STEP, details=LONG)


def test_an_orphan_that_another_logger_wants_read_is_kept(tmp_path: Path) -> None:
    engine = directory(tmp_path, BUDGET, readers=("delivered", "stored"))
    gone = engine.begin()
    fill(gone)
    deliver(gone)
    engine.release(gone)
    journals = directory(tmp_path, BUDGET)
    assert journals.adopt() == []
    journals.tend()
    assert gone.folder.segments()[0].number == 1
    assert len(directory(tmp_path, BUDGET, readers=("stored",)).adopt()) == 1


def test_leftovers_of_a_killed_process_are_swept(tmp_path: Path) -> None:
    journals = directory(tmp_path)
    append(journals.begin(), Weight.START)
    removed = journals.path / f".gone-{'0' * 32}"
    fresh, stale = journals.path / f".new-{'1' * 32}", journals.path / f".new-{'2' * 32}"
    for path in (removed, fresh, stale):
        path.mkdir()
    os.utime(stale, (1, 1))
    (journals.path / "redaction-key").write_bytes(b"key")
    journals.tend()
    assert not removed.exists()
    assert not stale.exists()
    assert fresh.exists()
    assert len(journals.journals()) == 1
