"""Templates: when two masked messages are alike, and what they have in common.

Two are alike when their plain words are the same, in the same order, with values in the same gaps between them. What
the values are, how many stand side by side, and the punctuation do not count. A plain word is never merged away: no
rule that lets a word differ where the others are the same, as Drain and Spell do above a threshold of similarity, made
groups better, and most made them worse (docs/adr/failure-patterns.md). (Drain: He et al., ICWS 2017. Spell: Du and Li,
ICDM 2016. That words which occur together carry a template is the idea of Brain: Yu et al., IEEE TSC 2023.)

Being alike is equality of a key. So it does not depend on the order in which messages come, two processes agree, and a
unique index answers which of ten thousand patterns an unseen message belongs to.
"""

import re
from typing import Final
from uuid import UUID

from attempts.fingerprint import digest
from attempts.lexemes import DELIMITERS, MASK, UNSPACED, VALUE

# Stands among the words for any values, however many.
GAP: Final = "*"

_TOKEN = re.compile(rf"{MASK}|[{UNSPACED}]+|[^{DELIMITERS}{UNSPACED}]+")
# Not part of a word at its beginning or end.
_EDGES: Final = ".,!?*-_~#+^/\\$%&@\u2026\u3001\u3002\uff01\uff08\uff09\uff0c\uff1a\uff1b\uff1f"


def words_of(masked: str) -> tuple[str, ...]:
    """The plain words in order, and GAP where values stand. Behind a value, which may be a count, a plural is singular.

    The number may have been 1 in the other message: "1 task failed", "2 tasks failed".
    """
    words: list[str] = []
    for token in _TOKEN.findall(masked):
        if token[0] == "<":
            if not words or words[-1] != GAP:
                words.append(GAP)
            continue
        word = token.strip(_EDGES)
        if not word:
            continue
        if len(word) > 3 and word[-1] == "s" and words and words[-1] == GAP:
            word = word[:-1]
        words.append(word)
    return tuple(words)


def pattern_key(action_type: str, error_type: str | None, masked: str) -> UUID:
    """The same for failures of one pattern. Where the message has no words, the error type says what happened."""
    words = words_of(masked)
    spoken = any(word != GAP for word in words)
    return digest(action_type, words) if spoken else digest(action_type, words, error_type or "")


def widen(template: str, masked: str) -> str:
    """The template, with <value> where the values of this message, which must be alike, are of another kind or number.

    Widening changes neither the words nor, a second time, anything.
    """
    ours, theirs = _gaps(template), _gaps(masked)
    if len(ours) != len(theirs):
        raise ValueError(f"{masked!r} is not alike {template!r}")
    widened = template
    # From the end, so that the positions before stay what they are.
    for mine, other in zip(reversed(ours), reversed(theirs), strict=True):
        if len(mine) != len(other):
            widened = widened[: mine[0].start()] + VALUE + widened[mine[-1].end() :]
            continue
        for value, another in zip(reversed(mine), reversed(other), strict=True):
            if value[0] != another[0]:
                widened = widened[: value.start()] + VALUE + widened[value.end() :]
    return widened


def _gaps(masked: str) -> list[list[re.Match[str]]]:
    """The values of each gap."""
    gaps: list[list[re.Match[str]]] = []
    in_gap = False
    for token in _TOKEN.finditer(masked):
        if token[0][0] != "<":
            in_gap = in_gap and not token[0].strip(_EDGES)
        elif in_gap:
            gaps[-1].append(token)
        else:
            gaps.append([token])
            in_gap = True
    return gaps
