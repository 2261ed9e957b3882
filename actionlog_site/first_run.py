"""What an installation needs before anybody can use it: tables, the first user, the first API key. Made once."""

import contextlib
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, transaction

from access.keys import create_key
from access.models import ApiKey
from access.queries import find_key
from actionlog_site.home import make_private_file_once, write_private_file
from attempts import locks

LOOK_AGAIN_SECONDS = 0.1

OPERATOR = "operator"
FIRST_KEY_NAME = "first key"
FIRST_KEY_SCOPES = ("ingest", "read")


@dataclass(frozen=True)
class FirstRun:
    """The first user, where what he needs is kept, and notices: sentences on what is not as it was left."""

    operator: User
    password_file: Path | None
    key_file: Path
    notices: tuple[str, ...]


def prepare(home: Path) -> FirstRun:
    """Brings the tables up to date and makes what is missing. Any number of processes may do this at once."""
    with _one_at_a_time():
        call_command("migrate", verbosity=0, interactive=False)
        with transaction.atomic():
            operator, password_file, password_notices = _ensure_operator(home / "operator-password")
            key_notices = _ensure_key(home / "api-key")
    return FirstRun(operator, password_file, home / "api-key", (*password_notices, *key_notices))


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Others wait here. The lock is the session's, so it ends with this process, too.

    They ask again and again: a statement that waits for the lock is one that CREATE INDEX CONCURRENTLY of the process
    that migrates would wait for.
    """
    with connection.cursor() as cursor:
        while not cursor.execute("SELECT pg_try_advisory_lock(%s)", [locks.FIRST_RUN]).fetchone()[0]:
            time.sleep(LOOK_AGAIN_SECONDS)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [locks.FIRST_RUN])


def _ensure_operator(password_file: Path) -> tuple[User, Path | None, tuple[str, ...]]:
    known = User.objects.filter(username=OPERATOR).first()
    if known is None:
        # A file that is there belongs to an earlier database: the password the operator knows goes on to work.
        password = make_private_file_once(password_file, lambda: secrets.token_urlsafe(18)).strip()
        return User.objects.create_superuser(OPERATOR, password=password), password_file, ()
    if password_file.exists():
        return known, password_file, ()
    # Not replaced: the operator may have set another password and removed the file.
    notice = f"{password_file} is gone. Set a new password with: python manage.py changepassword {OPERATOR}"
    return known, None, (notice,)


def _ensure_key(key_file: Path) -> tuple[str, ...]:
    try:
        kept = key_file.read_text().strip()
    except FileNotFoundError:
        kept = ""
    key = find_key(kept) if kept else None
    if key is not None and key.scopes >= set(FIRST_KEY_SCOPES):
        return ()
    made_before = ApiKey.objects.filter(name=FIRST_KEY_NAME).exists()
    _, text = create_key(name=FIRST_KEY_NAME, scopes=FIRST_KEY_SCOPES)
    write_private_file(key_file, text)
    if kept:
        return (f"The key in {key_file} was not, or no longer, valid in this database. A new one is there now.",)
    if made_before:
        return (f"{key_file} was gone. A new key is there now; the old one stays valid until it is revoked.",)
    return ()
