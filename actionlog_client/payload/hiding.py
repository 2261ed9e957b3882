"""Marks known secrets wherever they turn up: a password that a handler was given may stand in its error message.

The general rules (redaction.py) find secrets by their place; here they are known by their value.
"""

import json
import re
from collections.abc import Iterable
from itertools import islice
from typing import Any, Final
from urllib.parse import quote, quote_plus

from actionlog_client.canonical import canonical
from actionlog_client.payload.encoder import PayloadEncoder
from actionlog_client.payload.texts import storable
from actionlog_client.redaction import MARK, Redactor

# A shorter text stands in too many places that have nothing to do with it.
SHORTEST_SECRET: Final = 6
MOST_SECRETS: Final = 1000


def hiding(encoder: PayloadEncoder, secrets: Any) -> PayloadEncoder:
    """An encoder that marks these texts too, unless they are shorter than SHORTEST_SECRET; the same one for none.

    secrets: a text, or a list, tuple, set or the like of them. A number is taken as its text, bytes as UTF-8; what is
    nothing of the kind is passed over.
    """
    known = {secret for secret in secrets_in(secrets) if len(secret) >= SHORTEST_SECRET and not MARK.fullmatch(secret)}
    return HidingEncoder(encoder, known) if known else encoder


def secrets_in(told: Any) -> list[str]:
    """The texts in what a caller names as secrets, without trusting it."""
    kind = type(told)
    if issubclass(kind, str):
        return [str.__str__(told)]
    if kind in (int, float):
        return [str(told)]
    if kind in (bytes, bytearray):
        return [told.decode(errors="replace")]
    try:
        return [text for each in islice(told, MOST_SECRETS) for text in ([] if each is told else secrets_in(each))]
    except Exception:
        return []


class HidingEncoder(PayloadEncoder):
    """Looks at every text: the fast way of plain values would pass a known secret."""

    def __init__(self, encoder: PayloadEncoder, secrets: Iterable[str]) -> None:
        super().__init__(HidingRedactor(encoder.redactor, secrets), encoder.most_bytes)

    def plain(self, value: Any) -> None:
        return None


class HidingRedactor(Redactor):
    """A secret has here the mark that it has under a name such as password, so that both are seen to be one."""

    def __init__(self, inner: Redactor, secrets: Iterable[str]) -> None:
        self._inner = inner
        self._marks: dict[str, str] = {}
        for secret in secrets:
            mark = inner.mark(canonical(storable(secret)))
            self._marks |= dict.fromkeys(_spellings(secret), mark)
        longest_first = sorted(self._marks, key=len, reverse=True)
        # Marks are found first, and left as they are: the digits of one may hold a secret of digits.
        self._known = re.compile("|".join([MARK.pattern, *map(re.escape, longest_first)]))

    def mark(self, secret: str) -> str:
        return self._inner.mark(secret)

    def text(self, text: str) -> str:
        return self._inner.text(self._known.sub(lambda found: self._marks.get(found[0], found[0]), text))


def _spellings(secret: str) -> set[str]:
    """As it is, and as it stands in JSON, in a representation and in a URL."""
    return {
        storable(secret),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
        quote(secret, safe="", errors="replace"),
        quote_plus(secret, errors="replace"),
    }
