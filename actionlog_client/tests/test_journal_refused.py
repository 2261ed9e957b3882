"""What the server refused is kept aside, within bounds."""

from pathlib import Path

from msgspec import Raw

from actionlog_client.journal.entries import Weight
from actionlog_client.journal.refused import RefusedLog
from actionlog_client.tests.journals import append, directory


def test_a_refused_document_is_kept_with_its_numbers_and_the_reason(tmp_path: Path) -> None:
    journal = directory(tmp_path).begin()
    append(journal, Weight.START)
    journal.put_aside([(1, 3), (5, 5)], 'conflict: "status"', b'{"attempt_id":"\xc3\xa4"}')
    journal.put_aside([(4, 4)], "forbidden", b"{}")
    first, second = RefusedLog(journal.path, 1 << 20).entries()
    assert first.numbers == ((1, 3), (5, 5))
    assert first.reason == 'conflict: "status"'
    assert first.document == Raw(b'{"attempt_id":"\xc3\xa4"}')
    assert second.at >= first.at
    assert journal.refused.numbers() == [(1, 5)]
    assert journal.refused.cut() == 0


def test_beyond_its_share_the_oldest_go_and_are_counted(tmp_path: Path) -> None:
    log = RefusedLog(tmp_path, 10_000)
    for number in range(1, 101):
        log.put_aside([(number, number)], "rejected", b'"%b"' % (b"x" * 400))
        assert (tmp_path / "refused.log").stat().st_size < 10_000 + 600
    left = RefusedLog(tmp_path, 10_000)
    assert left.cut() + len(left.entries()) == 100
    assert left.entries()[-1].numbers == ((100, 100),)
    assert len(left.entries()) >= 5
    assert left.numbers() == [(1, 100)]


def test_one_document_larger_than_the_share_is_counted(tmp_path: Path) -> None:
    log = RefusedLog(tmp_path, 1000)
    log.put_aside([(7, 7)], "rejected", b'"%b"' % (b"x" * 2000))
    assert (log.cut(), log.entries(), log.numbers()) == (1, [], [(7, 7)])


def test_a_line_that_was_cut_short_costs_only_itself(tmp_path: Path) -> None:
    log = RefusedLog(tmp_path, 10_000)
    log.put_aside([(1, 1)], "rejected", b"{}")
    log.put_aside([(2, 2)], "rejected", b"{}")
    path = tmp_path / "refused.log"
    path.write_bytes(path.read_bytes()[:-5])
    log.put_aside([(3, 3)], "rejected", b"{}")
    assert log.numbers() == [(1, 1), (3, 3)]


def test_what_the_disk_does_not_take_is_kept_in_memory_and_written_later(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    log = RefusedLog(folder, 10_000)
    log.put_aside([(1, 1)], "rejected", b"{}")
    assert log.numbers() == [(1, 1)]
    folder.mkdir()
    log.write()
    assert RefusedLog(folder, 10_000).numbers() == [(1, 1)]


def test_what_was_sent_again_is_refused_no_more(tmp_path: Path) -> None:
    log = RefusedLog(tmp_path, 10_000)
    for number in (1, 2, 3):
        log.put_aside([(number, number)], "rejected", b"{}")
    # Another process notes it, and this one goes on.
    RefusedLog(tmp_path, 10_000).note_resent([(2, 2)])
    log.put_aside([(4, 4)], "rejected", b"{}")
    assert log.numbers() == [(1, 1), (3, 4)]
    log.tidy()
    assert [entry.numbers for entry in log.entries()] == [((1, 1),), ((3, 3),), ((4, 4),)]
    assert b"resent" not in (tmp_path / "refused.log").read_bytes()
    log.note_resent([(1, 1)])
    log.note_resent([(3, 4)])
    log.tidy()
    assert not (tmp_path / "refused.log").exists()


def test_a_line_cut_short_spoils_no_note_of_what_was_sent_again(tmp_path: Path) -> None:
    log = RefusedLog(tmp_path, 10_000)
    log.put_aside([(1, 1)], "rejected", b"{}")
    with (tmp_path / "refused.log").open("ab") as file:
        file.write(b'{"at":"20')
    log.note_resent([(1, 1)])
    assert log.numbers() == []


def test_what_was_cut_stays_counted_whatever_is_sent_again(tmp_path: Path) -> None:
    log = RefusedLog(tmp_path, 1000)
    log.put_aside([(1, 1)], "rejected", b'"%b"' % (b"x" * 2000))
    log.put_aside([(2, 2)], "rejected", b"{}")
    log.note_resent([(2, 2)])
    log.tidy()
    assert (log.cut(), log.numbers()) == (1, [(1, 1)])


def test_more_than_the_memory_takes_is_not_put_aside_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    log = RefusedLog(folder, 1 << 20)
    assert all(log.put_aside([(number, number)], "rejected", b"{}") for number in range(1, 101))
    assert not log.put_aside([(101, 101)], "rejected", b"{}")
    assert log.numbers() == [(1, 100)]
    folder.mkdir()
    assert log.put_aside([(101, 101)], "rejected", b"{}")
    assert RefusedLog(folder, 1 << 20).numbers() == [(1, 101)]
