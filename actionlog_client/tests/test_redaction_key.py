"""The key file is made once, by whoever comes first, for its owner only."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from actionlog_client.redaction import Redactor
from actionlog_client.redaction_key import KEY_FILE, load_or_make_key, make_redactor

_PRINT_KEY = (
    "import sys, pathlib; sys.stdin.readline();"
    "from actionlog_client.redaction_key import load_or_make_key;"
    "print(load_or_make_key(pathlib.Path(sys.argv[1])).hex())"
)


def test_processes_that_start_at_once_get_the_same_key(tmp_path: Path) -> None:
    path = tmp_path / "journal" / KEY_FILE
    processes = [
        subprocess.Popen([sys.executable, "-c", _PRINT_KEY, path], stdin=-1, stdout=-1, text=True) for _ in range(4)
    ]
    answers = [process.communicate("go\n", timeout=60)[0].strip() for process in processes]
    assert answers == [load_or_make_key(path).hex()] * 4
    assert len(bytes.fromhex(answers[0])) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == [KEY_FILE]


@pytest.mark.parametrize("content", ["", "abcd", "no hexadecimal digits"])
def test_a_file_that_holds_no_key_is_left_alone_and_told(
    content: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / KEY_FILE
    path.write_text(content)
    assert load_or_make_key(path) != load_or_make_key(path)
    assert path.read_text() == content
    assert str(path) in caplog.text


def test_where_no_folder_can_be_made_the_key_lives_in_memory(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    assert len(load_or_make_key(tmp_path / "file" / KEY_FILE)) == 32
    assert "ACTIONLOG_REDACTION_KEY" in caplog.text


def test_a_configured_key_gives_the_marks_of_the_server(tmp_path: Path, settings: object) -> None:
    from attempts.redaction import redactor

    mark = make_redactor(settings.REDACTION_KEY, tmp_path).mark("hunter2")  # type: ignore[attr-defined]
    assert mark == redactor().mark("hunter2")
    assert mark != make_redactor(None, tmp_path).mark("hunter2")
    assert make_redactor(None, tmp_path).mark("x") == Redactor(load_or_make_key(tmp_path / KEY_FILE)).mark("x")
