"""The writers of API keys, and the snapshot of one that other code passes around. Finding one is in queries.py."""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.contrib.auth.models import User
from django.db.models.functions import Now

from access.models import SCOPES as SCOPES
from access.models import ApiKey

KEY_START: Final = "alk_"
PREFIX_LENGTH: Final = len(KEY_START) + 8


@dataclass(frozen=True, slots=True)
class Key:
    """An active API key as it was when it was looked up. engine is None for a key that may write for any engine."""

    id: int
    name: str
    scopes: frozenset[str]
    engine: str | None


def digest(token: str) -> str:
    """The form in which a token is stored and looked up: SHA-256, 64 hexadecimal digits.

    A token is 256 random bits, so it cannot be guessed, salt or no salt; a slow password hash would only slow down
    every request.
    """
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def create_key(
    *, name: str, scopes: Iterable[str], engine: str | None = None, created_by: User | None = None
) -> tuple[ApiKey, str]:
    """Make a key. The second value is its text, which is stored nowhere: show it now or never.

    Raises django.core.exceptions.ValidationError when the name, a scope or the engine is not acceptable.
    """
    token = KEY_START + secrets.token_urlsafe(32)
    wanted = set(scopes)
    key = ApiKey(
        name=name,
        digest=digest(token),
        prefix=token[:PREFIX_LENGTH],
        scopes=[scope for scope in SCOPES if scope in wanted] + sorted(wanted - set(SCOPES)),
        engine=engine or None,
        created_by=created_by,
    )
    key.full_clean()
    key.save(force_insert=True)
    return key, token


def revoke_key(*, key: ApiKey, revoked_by: User | None = None) -> bool:
    """Close a key for good, from the next look-up on. False when it was revoked before; that first mark stays."""
    marked = ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=Now(), revoked_by=revoked_by)
    key.refresh_from_db()
    return marked == 1
