"""Nobody else gets in, nothing that is not ours is loosened, and it works as root and as an ordinary user alike."""

import os
import pwd
import stat
import subprocess
from pathlib import Path

import pytest

from actionlog_site.embedded_postgres import EmbeddedPostgres
from actionlog_site.embedded_postgres.binaries import find_binaries
from actionlog_site.embedded_postgres.running import Layout, read_postmaster
from actionlog_site.tests.processes import python

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="acts as other users, which only root may")

ANSWER = """
server = EmbeddedPostgres(home, durable=False)
try:
    print(psycopg.connect(server.start()).execute("SELECT current_user").fetchone()[0])
finally:
    server.stop()
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def socket_folder(layout: Layout) -> Path:
    postmaster = read_postmaster(layout.data)
    assert postmaster is not None
    return Path(postmaster.socket_folder)


def ordinary_uid() -> int:
    return min(entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid not in (0, 65534))


def test_our_folders_are_closed_and_no_other_changes_its_mode(home: Path) -> None:
    above = home / "open"
    above.mkdir()
    above.chmod(0o751)
    not_ours = [*above.parents, above, *find_binaries().folder.parents, find_binaries().folder]
    before = {folder: mode(folder) for folder in not_ours}
    layout = Layout(above / "home")
    server = EmbeddedPostgres(layout.home, durable=False)
    try:
        server.start()
        for folder in (layout.home, layout.folder, layout.data, socket_folder(layout)):
            assert mode(folder) == 0o700, folder
        assert mode(layout.log) == 0o600
        assert mode(socket_folder(layout) / ".s.PGSQL.5432") == 0o700
    finally:
        server.stop()
    assert {folder: mode(folder) for folder in not_ours} == before


def test_an_existing_folder_of_ours_is_closed_again(server: EmbeddedPostgres, layout: Layout) -> None:
    layout.folder.mkdir()
    layout.folder.chmod(0o755)
    server.start()
    assert mode(layout.folder) == 0o700


@pytest.mark.usefixtures("used_cluster")
@as_root
def test_another_user_does_not_reach_the_socket(server: EmbeddedPostgres, home: Path) -> None:
    url = server.start()
    code = f"""
try:
    psycopg.connect({url!r})
except psycopg.OperationalError as error:
    print(error)
"""
    for uid in (ordinary_uid(), 65534):
        assert "Permission denied" in " ".join(python(code, home, uid=uid))


@pytest.mark.usefixtures("used_cluster")
@as_root
def test_another_user_who_reached_the_socket_would_be_refused(
    server: EmbeddedPostgres, layout: Layout, home: Path
) -> None:
    url = server.start()
    socket_folder(layout).chmod(0o711)
    (socket_folder(layout) / ".s.PGSQL.5432").chmod(0o777)
    code = f"""
try:
    psycopg.connect({url!r})
except psycopg.OperationalError as error:
    print(error)
"""
    for uid in (ordinary_uid(), 65534):
        assert "Peer authentication failed" in " ".join(python(code, home, uid=uid))


@as_root
def test_an_ordinary_user_runs_it(home: Path) -> None:
    uid = ordinary_uid()
    os.chown(home, uid, uid)
    home.chmod(0o700)
    assert python(ANSWER, home, uid=uid) == ["actionlog"]
    assert (home / "postgres" / "data").stat().st_uid == uid


@as_root
def test_root_is_told_to_keep_out_of_the_data_of_another_user(home: Path) -> None:
    uid = max(entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid != 65534)
    os.chown(home, uid, uid)
    python(ANSWER, home, uid=uid)
    code = """
try:
    EmbeddedPostgres(home).start()
except EmbeddedPostgresError as error:
    print(error)
"""
    assert "Run as that user" in " ".join(python(code, home))


@as_root
def test_root_runs_it_below_a_closed_folder(home: Path) -> None:
    home.chmod(0o700)
    assert python(ANSWER, home) == ["actionlog"]


@as_root
def test_root_runs_it_in_the_closed_home_of_another(home: Path) -> None:
    os.chown(home, ordinary_uid(), -1)
    home.chmod(0o700)
    assert python(ANSWER, home / "checkout" / "var") == ["actionlog"]


@as_root
def test_root_runs_it_where_namespaces_are_refused_and_on_the_same_data(home: Path) -> None:
    """As in Docker by default. The refusal is played by an unshare that fails; everything else is real."""
    refusing = home / "bin"
    refusing.mkdir()
    (refusing / "unshare").write_text("#!/bin/sh\nexit 1\n")
    (refusing / "unshare").chmod(0o755)
    path = f"{refusing}:{os.environ['PATH']}"
    own_home = home / "var"
    assert python(ANSWER, own_home, PATH=path) == ["actionlog"]
    assert (own_home / "postgres" / "data").stat().st_uid == ordinary_uid()
    assert python(ANSWER, own_home) == ["actionlog"]
    assert (own_home / "postgres" / "data").stat().st_uid == 0
    assert python(ANSWER, own_home, PATH=path) == ["actionlog"]


@as_root
def test_where_nothing_helps_the_operator_is_told_what_does(home: Path) -> None:
    for name in ("unshare", "setpriv"):
        (home / name).write_text("#!/bin/sh\nexit 1\n")
        (home / name).chmod(0o755)
    code = """
try:
    EmbeddedPostgres(home).start()
except EmbeddedPostgresError as error:
    print(error)
"""
    told = " ".join(python(code, home, PATH=f"{home}:{os.environ['PATH']}"))
    assert "Run as an ordinary user" in told
    assert "DATABASE_URL" in told


@as_root
def test_the_closed_home_of_another_is_refused_with_what_to_do(home: Path) -> None:
    (home / "var").mkdir(mode=0o700)
    code = """
try:
    EmbeddedPostgres(home).start()
except EmbeddedPostgresError as error:
    print(error, EmbeddedPostgres(home).stop())
"""
    told = " ".join(python(code, home / "var", uid=ordinary_uid()))
    assert "Run as the user to whom the folder belongs" in told


@as_root
def test_a_user_whom_the_system_does_not_know_runs_it(home: Path) -> None:
    """As in a container that is started with a bare number for a user."""
    uid = max(entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid != 65534) + 1
    as_that_user = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
    if subprocess.run([*as_that_user, "unshare", "--user", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this system allows user namespaces to root only")
    os.chown(home, uid, uid)
    assert python(ANSWER, home, uid=uid) == ["actionlog"]
