"""What never reaches a disk: passwords, tokens and the like. Finding and marking only, pure, for client and server.

The one definition of the rules: the client applies them before it writes its journal (payload/), the server before
it stores what arrives (its attempts/validation.py), so that what the one has redacted the other leaves as it is.

A secret is found by the name of its key, in the user part of a URL, or behind "Bearer" and "Authorization:". It is
replaced by a mark, [redacted:16 hexadecimal digits], whose digits are an HMAC of the secret: the same secret gives the
same mark, so that sending a document again is no conflict, and nobody without the key can try guesses against it. A
mark is never redacted again.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

from actionlog_client.canonical import canonical

REMEMBERED_LENGTH: Final = 100
MARK: Final = re.compile(r"\[redacted:[0-9a-f]{16}\]")

_BEFORE_KEY: Final = re.compile(rb"(?:api|access|private|secret|encryption|signing|master|ssh|auth)[^a-z\"]{0,3}\Z")


def _names_a_key(lowered: bytes) -> bool:
    """Whether something in here may be the name of an API key, a private key or the like."""
    found = lowered.find(b"key")
    while found >= 0:
        if _BEFORE_KEY.search(lowered, max(0, found - 13), found):
            return True
        found = lowered.find(b"key", found + 3)
    return False


def _finds(pattern: bytes) -> Callable[[bytes], bool]:
    compiled = re.compile(pattern)
    return lambda lowered: compiled.search(lowered) is not None


# One of these, in lower case, stands in any JSON in which a secret is found below: a search for them is how the great
# many documents that hold nothing secret are passed at the speed of a substring search. The function, where there is
# one, is the second look.
TRIGGERS: Final[dict[bytes, Callable[[bytes], bool] | None]] = {
    b"pass": _finds(rb"passw|passphrase"),
    b"pwd": None,
    b"secret": None,
    b"token": None,
    b"credential": None,
    b"authoriz": None,
    b"cookie": None,
    b"bearer": None,
    b"key": _names_a_key,
    b"://": _finds(rb"://[^\s/]*@"),
    # Some encoders write the slashes of a URL so.
    b"\\/": _finds(rb":(?:\\/|/){2}[^\s/]*@"),
    # An escape may spell any letter of the others, and U+0000 too.
    b"\\u00": None,
}
# Those of texts, in which there are no names of keys.
TEXT_TRIGGERS: Final = (b"authoriz", b"bearer", b"://", b"\\/", b"\\u00")

_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SECRET_WORDS: Final = frozenset(
    {
        "password", "passwords", "passwd", "passphrase", "pwd", "secret", "secrets", "token", "credential",
        "credentials", "authorization", "cookie", "cookies", "apikey", "secretkey", "accesskey", "privatekey",
        "authtoken", "accesstoken", "userpassword", "dbpassword",
    }
)  # fmt: skip
# PGPASSWORD is one word.
_SECRET_ENDS: Final = ("password", "passwd", "passphrase", "secret")
_SECRET_KEYS: Final = frozenset(
    {"api", "secret", "access", "private", "encryption", "signing", "master", "ssh", "auth"}
)
# What follows a secret word and makes the name one of something that is not secret itself: secret_name, token_type.
_HARMLESS_ENDS: Final = frozenset(
    {
        "name", "names", "id", "ids", "count", "counts", "limit", "limits", "length", "size", "type", "types", "path",
        "file", "ref", "refs", "policy", "version", "expiry", "expires", "expiration", "ttl", "age", "at", "enabled",
        "required", "present", "valid", "usage", "budget", "rotation", "strength", "status", "url", "uri", "endpoint",
        "field", "namespace", "kind", "hash", "reset", "changed", "rotated", "per", "second", "minute", "prefix",
    }
)  # fmt: skip
# page_token and next_token are cursors.
_HARMLESS_STARTS: Final = frozenset({"page", "next", "continuation", "cursor", "pagination", "sync", "max", "min"})

# Each begins with a literal, and no part can be matched in two ways: linear in the length of the text.
_URL_PASSWORD: Final = re.compile(r"""(://[^\s/?#:"'@\[]*:)([^\s/?#"']+)@""")
_URL_USER: Final = re.compile(r"""(https?://)([^\s/?#:"'@]+)@""")
# "Bearer token missing" is prose.
_BEARER: Final = re.compile(
    r"(?i)(\bbearer:?\s{1,8})"
    r"(?!(?:bearer|tokens?|auth|authentication|authorization|scheme|realm|error|credentials?|format|headers?|is|was|not"
    r"|and|or|keys?|missing|invalid|of|for|required|expired|in|the|from|with|has|to)\b)"
    r"([A-Za-z0-9._~+/-]+=*)"
)
_AUTHORIZATION: Final = re.compile(
    r"""(?i)(\bauthorization["']?[ \t]{0,8}[:=][ \t]{0,8}["']?(?:basic|digest|token|negotiate|apikey)[ \t]{1,8})"""
    r"""([^\s"',;]+)"""
)


def names_a_secret(name: str) -> bool:
    """Whether the value under a key of this name is to be redacted, going by the words of the name."""
    # Only names of a usual length are remembered: a client's megabytes must not stay for ever.
    return _remembered(name) if len(name) <= REMEMBERED_LENGTH else _has_secret_words(name)


def _has_secret_words(name: str) -> bool:
    words = [word.lower() for word in _WORDS.findall(name)]
    if not words or words[-1] in _HARMLESS_ENDS or words[0] in _HARMLESS_STARTS:
        return False
    if any(word in _SECRET_WORDS or word.endswith(_SECRET_ENDS) for word in words):
        return True
    return words[-1] == "tokens" or any(
        first in _SECRET_KEYS and second in ("key", "keys") for first, second in pairwise(words)
    )


_remembered = lru_cache(maxsize=4096)(_has_secret_words)


def triggers_in(lowered: bytes, among: Iterable[bytes] = TRIGGERS) -> list[bytes]:
    """Which of the triggers this source, in lower case, holds. None of them: nothing in it is to be redacted."""
    found = []
    for trigger in among:
        if trigger in lowered:
            look_again = TRIGGERS[trigger]
            if look_again is None or look_again(lowered):
                found.append(trigger)
    return found


class Redactor:
    """Finds secrets and marks them with an HMAC under one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def of_text(cls, key: str) -> "Redactor":
        """The redactor of a configured key. The same text gives the same marks on the server and on every client."""
        return cls(hashlib.sha256(b"actionlog redaction " + key.encode()).digest())

    def mark(self, secret: str) -> str:
        return f"[redacted:{hmac.digest(self._key, secret.encode(), hashlib.sha256).hex()[:16]}]"

    def text(self, text: str) -> str:
        """The text with the credentials in it marked."""
        lowered = text.lower()
        if "://" in lowered and "@" in lowered:
            text = _URL_PASSWORD.sub(lambda found: f"{found[1]}{self._once(found[2])}@", text)
            text = _URL_USER.sub(lambda found: f"{found[1]}{self._once(found[2])}@", text)
        if "bearer" in lowered:
            text = _BEARER.sub(lambda found: f"{found[1]}{self.mark(found[2])}", text)
        if "authorization" in lowered:
            text = _AUTHORIZATION.sub(lambda found: f"{found[1]}{self._once(found[2])}", text)
        return text

    def under(self, name: str, value: Any) -> tuple[bool, Any]:
        """Whether the decoded JSON value under this key is a secret, and the mark that stands for it then.

        Nothing, yes or no, and the number of some tokens are no secrets.
        """
        if value in (None, "") or isinstance(value, bool) or not names_a_secret(name):
            return False, value
        if isinstance(value, int | Decimal) and "token" in name.lower():
            return False, value
        if isinstance(value, str) and MARK.fullmatch(value):
            return True, value
        return True, self.mark(canonical(value))

    def _once(self, secret: str) -> str:
        return secret if MARK.fullmatch(secret) else self.mark(secret)
