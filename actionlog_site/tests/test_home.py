"""Files that are made once, whoever races, and are for their owner only."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from actionlog_site.home import make_private_file_once, write_private_file
from actionlog_site.secret_key import secret_key
from actionlog_site.tests.processes import python


def test_the_secret_key_is_kept(tmp_path: Path) -> None:
    key = secret_key(tmp_path)
    assert len(key) >= 50
    assert secret_key(tmp_path) == key
    assert secret_key(tmp_path / "another home") != key


def test_all_who_race_for_the_secret_key_get_the_same(tmp_path: Path) -> None:
    # Each waits for the same moment, so that they meet in it.
    code = """
from actionlog_site.secret_key import secret_key
time.sleep(1.5 - time.time() % 1)
print(secret_key(home))
"""
    with ThreadPoolExecutor() as pool:
        keys = list(pool.map(lambda _: python(code, tmp_path), range(4)))
    assert keys == [[secret_key(tmp_path)]] * 4
    assert [path.name for path in tmp_path.iterdir()] == ["secret-key"]


def test_private_files_and_the_folder_made_for_them_are_closed_to_others(tmp_path: Path) -> None:
    once, again = tmp_path / "home" / "once", tmp_path / "home" / "again"
    make_private_file_once(once, lambda: "text")
    write_private_file(again, "first")
    write_private_file(again, "second")
    assert again.read_text() == "second"
    assert stat.S_IMODE(once.stat().st_mode) == 0o600
    assert stat.S_IMODE(again.stat().st_mode) == 0o600
    assert stat.S_IMODE(once.parent.stat().st_mode) == 0o700
