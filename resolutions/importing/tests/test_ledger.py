"""What was imported is not read again, unless it has changed."""

import os
from pathlib import Path

import pytest

from attempts.models import ActionAttempt
from resolutions.importing.tests.logs import import_logs, log, write
from resolutions.models import ImportedFile

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_second_run_reads_nothing_that_has_not_changed(tmp_path: Path) -> None:
    for number in range(3):
        write(tmp_path / f"{number}.json", log())
    assert import_logs(tmp_path).summary == "3 imported, 0 updated, 0 unchanged, 0 imported before, 0 bad"
    # Were one read again, it would be recorded again.
    ActionAttempt.objects.all().delete()
    assert import_logs(tmp_path).summary == "0 imported, 0 updated, 0 unchanged, 3 imported before, 0 bad"
    assert ActionAttempt.objects.count() == 0
    assert import_logs(tmp_path, "--again").summary == "3 imported, 0 updated, 0 unchanged, 0 imported before, 0 bad"
    assert import_logs(tmp_path, "--again").summary == "0 imported, 0 updated, 3 unchanged, 0 imported before, 0 bad"


def test_a_file_that_has_changed_is_read_again(tmp_path: Path) -> None:
    document = log()
    path = write(tmp_path / "a.json", document)
    import_logs(tmp_path)
    write(path, {**document, "reason": "The pool answers no more."})
    assert import_logs(tmp_path).summary == "0 imported, 1 updated, 0 unchanged, 0 imported before, 0 bad"
    os.utime(path, ns=(0, 0))
    assert import_logs(tmp_path).summary == "0 imported, 0 updated, 1 unchanged, 0 imported before, 0 bad"
    assert ImportedFile.objects.get().mtime_ns == 0


def test_a_change_that_keeps_size_and_time_is_found(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", log(status="failed"))
    import_logs(tmp_path)
    told = path.stat()
    write(path, log(status="failed"))
    os.utime(path, ns=(told.st_atime_ns, told.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (told.st_size, told.st_mtime_ns)
    assert import_logs(tmp_path).summary == "1 imported, 0 updated, 0 unchanged, 0 imported before, 0 bad"


def test_a_bad_file_is_told_in_every_run_until_it_is_good(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", b"{")
    assert import_logs(tmp_path).status == import_logs(tmp_path).status == 1
    bad = ImportedFile.objects.get()
    assert (bad.path, bad.outcome, bad.reason) == (str(path), "bad", "This is not JSON: Input data was truncated.")
    write(path, log())
    assert import_logs(tmp_path).summary == "1 imported, 0 updated, 0 unchanged, 0 imported before, 0 bad"
    good = ImportedFile.objects.get()
    assert (good.outcome, good.reason) == ("imported", None)


def test_bad_files_of_another_folder_are_not_told(tmp_path: Path) -> None:
    write(tmp_path / "logs%" / "a.json", b"{")
    write(tmp_path / "logs" / "a.json", log())
    write(tmp_path / "logs_" / "a.json", b"{")
    for folder, status in (("logs%", 1), ("logs_", 1), ("logs", 0)):
        done = import_logs(tmp_path / folder)
        assert done.status == status
        assert done.out.count("a.json") == status


def test_a_folder_imported_as_part_of_another_is_known_there(tmp_path: Path) -> None:
    write(tmp_path / "part" / "a.json", log())
    import_logs(tmp_path / "part")
    (tmp_path / "other-name").symlink_to(tmp_path / "part")
    for name in (".", "other-name", "part/../part"):
        assert import_logs(tmp_path / name).summary.startswith("0 imported, 0 updated, 0 unchanged, 1 imported before")
