"""What an import records, what it refuses, and that it leaves the files alone."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from attempts.limits import limits
from attempts.models import ActionAttempt, ActionLog, Refusal
from resolutions.importing.documents import open_import
from resolutions.importing.folder import scan
from resolutions.importing.tests.logs import import_logs, log, write
from resolutions.models import FeedEntry, ImportedFile

pytestmark = pytest.mark.django_db(transaction=True)


def recorded() -> set[str]:
    return {str(identity) for identity in ActionAttempt.objects.values_list("attempt_id", flat=True)}


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in sorted(folder.rglob("*")) if path.is_file()
    }


def test_files_are_recorded_as_any_other_document(tmp_path: Path) -> None:
    old = log(parameters={"password": "hunter2"})
    new = log(environment="production", engine="e", confidence=0.9, status="failed", error_message="refused", colour=1)
    write(tmp_path / "old.json", old)
    write(tmp_path / "2026" / "01" / "new.json", new)
    before = contents(tmp_path)

    done = import_logs(tmp_path)

    assert (done.status, done.out, done.err) == (
        0,
        "2 imported, 0 updated, 0 unchanged, 0 imported before, 0 bad\n",
        "",
    )
    assert recorded() == {old["attempt_id"], new["attempt_id"]}
    steps = ActionLog.objects.filter(attempt_id=old["attempt_id"]).order_by("sequence")
    assert [(step.sequence, step.step) for step in steps] == [(0, "validation"), (1, "execution")]
    stored = ActionAttempt.objects.get(attempt_id=new["attempt_id"])
    assert (stored.environment, stored.error_message, stored.extra) == ("production", "refused", {"colour": 1})
    assert stored.fingerprint is not None
    assert "hunter2" not in str(ActionAttempt.objects.get(attempt_id=old["attempt_id"]).parameters)
    assert {str(one) for one in FeedEntry.objects.get().attempt_ids} == recorded()
    call_command("rebuild_metrics", "--check")
    assert contents(tmp_path) == before


BAD: dict[str, tuple[bytes, str]] = {
    "half": (json.dumps(log()).encode()[:100], "This is not JSON: Input data was truncated."),
    "empty": (b"", "This is not JSON: Input data was truncated."),
    "latin": (b'{"attempt_id": "\xe9"}', "Not valid UTF-8 at byte 16"),
    "list": (json.dumps([log()]).encode(), "Expected `object`, got `array`."),
    "nameless": (b"{}", "attempt_id: This field is required in every document."),
    "partial": (json.dumps({"attempt_id": log()["attempt_id"]}).encode(), "action_id: This field is required"),
    "wrong": (json.dumps(log(status="done")).encode(), "status: Invalid enum value 'done'."),
    "naive": (
        json.dumps(log(started_at="2026-01-15T10:30:00")).encode(),
        "started_at: The time needs its offset from UTC, such as 2026-01-31T12:00:00Z or 2026-01-31T12:00:00+05:30. "
        "Name the zone of such times by --assume-timezone",
    ),
    "deep": (b'{"a":' * 5000 + b"1" + b"}" * 5000, "Nested deeper than 100 levels."),
}


def test_bad_files_are_listed_with_their_reason_and_cost_the_others_nothing(tmp_path: Path) -> None:
    for name, (source, _) in BAD.items():
        write(tmp_path / f"{name}.json", source)
    with (tmp_path / "large.json").open("wb") as large:
        large.truncate(limits().document_bytes + 1)
    good = log()
    write(tmp_path / "good.json", good)
    before = contents(tmp_path)

    done = import_logs(tmp_path)

    assert done.status == 1
    assert done.summary == f"1 imported, 0 updated, 0 unchanged, 0 imported before, {len(BAD) + 1} bad"
    expected = {name: reason for name, (_, reason) in BAD.items()} | {"large": "The file is larger than 8388608 bytes."}
    for name, reason in expected.items():
        assert f"  {tmp_path}/{name}.json: {reason}" in done.out
        assert f"bad: {tmp_path}/{name}.json: {reason}" in done.err
    assert recorded() == {good["attempt_id"]}
    assert contents(tmp_path) == before
    # What is no JSON is perhaps half written, and nothing that an engine said.
    assert {"half", "empty"}.isdisjoint(
        name for name in BAD for refusal in Refusal.objects.all() if BAD[name][1] in refusal.message
    )
    assert Refusal.objects.filter(field="status").count() == 1


def test_of_two_files_that_contradict_each_other_one_is_bad(tmp_path: Path) -> None:
    document = log()
    write(tmp_path / "a.json", document)
    write(tmp_path / "b.json", {**document, "status": "failed"})
    done = import_logs(tmp_path)
    assert done.status == 1
    assert done.summary == "1 imported, 0 updated, 0 unchanged, 0 imported before, 1 bad"
    assert ": status: " in done.out
    assert Refusal.objects.get().outcome == "conflict"
    # What was stored first stays, whichever is read first the next time.
    assert import_logs(tmp_path, "--again").summary == "0 imported, 0 updated, 1 unchanged, 0 imported before, 1 bad"


def test_hidden_and_other_files_and_symbolic_links_are_passed_over(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside" / "a.json", log())
    folder = tmp_path / "logs"
    kept = log()
    write(folder / "kept.json", kept)
    for name in (".hidden.json", "a.json.tmp", "a.txt", ".git/a.json"):
        write(folder / name, log())
    (folder / "link.json").symlink_to(outside)
    (folder / "linked").symlink_to(outside.parent)
    os.mkfifo(folder / "pipe.json")
    assert import_logs(folder).status == 0
    assert recorded() == {kept["attempt_id"]}


def test_a_file_that_is_replaced_by_a_link_or_vanishes_after_it_was_found_is_not_read(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside" / "a.json", log())
    path = write(tmp_path / "logs" / "a.json", log())
    (found,) = scan(str(path.parent))
    path.unlink()
    assert open_import(found, None) is None
    path.symlink_to(outside)
    opened = open_import(found, None)
    assert opened is not None
    assert (opened.submission, opened.problem) == (None, "This file cannot be read: Too many levels of symbolic links.")


def test_a_folder_that_cannot_be_read_is_listed(tmp_path: Path) -> None:
    # Too long a path is a folder that not even root can list.
    write(tmp_path / "a.json", log())
    inside = os.open(tmp_path, os.O_RDONLY)
    for _ in range(17):
        os.mkdir("d" * 250, dir_fd=inside)
        below = os.open("d" * 250, os.O_RDONLY, dir_fd=inside)
        os.close(inside)
        inside = below
    os.close(inside)
    done = import_logs(tmp_path)
    assert done.status == 1
    assert "This folder cannot be read: File name too long." in done.out
    assert done.summary == "1 imported, 0 updated, 0 unchanged, 0 imported before, 1 bad"


def test_names_of_any_bytes_are_imported_and_shown_escaped(tmp_path: Path) -> None:
    for name in (b"caf\xe9.json", b"new\nline\x1b[31m.json", "für.json".encode()):
        (tmp_path / os.fsdecode(name)).write_bytes(b"[]")
    done = import_logs(tmp_path)
    assert [line.split(": ")[0] for line in done.out.splitlines()[1:-1]] == [
        f"  {tmp_path}/{name}.json" for name in ("caf\\udce9", "für", "new\\nline\\x1b[31m")
    ]
    assert ImportedFile.objects.count() == 3


@pytest.mark.parametrize(("name", "why"), [("missing", "No such file or directory"), ("file", "Not a directory")])
def test_a_folder_that_is_none_is_an_error_of_its_own(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match=f"is not a folder that can be read: {why}. Name the folder") as raised:
        call_command("import_action_logs", str(tmp_path / name))
    assert raised.value.returncode == 2


def step(timestamp: str) -> dict[str, Any]:
    return {"step": "execution", "timestamp": timestamp}


def test_times_without_offset_are_taken_to_be_in_the_zone_that_is_named(tmp_path: Path) -> None:
    naive = log(
        started_at="2026-10-25T02:30:00.123456",  # happens twice in Berlin: the first is meant
        completed_at="2026-10-25T02:30:01+01:00",
        parameters={"started_at": "2026-10-25T02:30:00"},
        logs=[step("2026-03-29 02:30:00"), step("2026-07-01T12:00:00")],  # the first is left out in Berlin
    )
    write(tmp_path / "a.json", naive)
    assert import_logs(tmp_path).status == 1
    assert import_logs(tmp_path, "--assume-timezone", "Europe/Berlin").status == 0
    stored = ActionAttempt.objects.get()
    assert stored.started_at is not None
    assert stored.completed_at is not None
    assert stored.started_at.isoformat() == "2026-10-25T00:30:00.123456+00:00"
    assert stored.completed_at.isoformat() == "2026-10-25T01:30:01+00:00"
    assert stored.parameters == {"started_at": "2026-10-25T02:30:00"}
    assert [each.timestamp and each.timestamp.isoformat() for each in ActionLog.objects.order_by("sequence")] == [
        "2026-03-29T01:30:00+00:00",
        "2026-07-01T10:00:00+00:00",
    ]


def test_a_zone_that_is_assumed_makes_no_bad_time_a_good_one(tmp_path: Path) -> None:
    for number, time in enumerate(("2026-01-15", "yesterday", 12, "0001-01-01T00:00:00", "9999-12-31T23:00:00")):
        write(tmp_path / f"{number}.json", log(started_at=time))
    done = import_logs(tmp_path, "--assume-timezone", "America/New_York")
    assert done.summary == "0 imported, 0 updated, 0 unchanged, 0 imported before, 5 bad"
    assert "--assume-timezone" not in done.out


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "Europe", "\0"])
def test_a_zone_that_nobody_knows_is_refused(tmp_path: Path, zone: str) -> None:
    with pytest.raises(CommandError, match="is no known time zone; name one such as UTC or Europe/Berlin"):
        import_logs(tmp_path, "--assume-timezone", zone)
