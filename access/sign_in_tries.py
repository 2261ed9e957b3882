"""Slows down who guesses passwords: a few tries for each user name from each address, counted in PostgreSQL.

The pair is counted, not the name alone, or anybody could lock a user out by failing in his name.
"""

import hashlib
from datetime import timedelta
from typing import Final

from django.db.models.functions import Now

from access.models import SignInTry

TRIES: Final = 10
WINDOW: Final = timedelta(minutes=15)


def begin_try(*, username: str, address: str) -> bool:
    """Count a try before its password is looked at. False when there were too many within WINDOW: do not look.

    Counted first, so that many tries at the same moment cannot all pass before one of them has failed.
    """
    who = _who(username, address)
    SignInTry.objects.filter(tried_at__lt=Now() - WINDOW).delete()
    this = SignInTry.objects.create(who=who)
    if SignInTry.objects.filter(who=who).count() <= TRIES:
        return True
    # What was refused does not count, so the wait ends WINDOW after the tries that did.
    this.delete()
    return False


def forget_tries(*, username: str, address: str) -> None:
    """Call this after a sign-in that succeeded."""
    SignInTry.objects.filter(who=_who(username, address)).delete()


def _who(username: str, address: str) -> str:
    return hashlib.sha256(f"{username.casefold()}\0{address}".encode("utf-8", "surrogatepass")).hexdigest()
