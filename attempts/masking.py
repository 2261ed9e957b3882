"""Masking: one line of a failure message without the details in which two occurrences of one failure differ.

The line is cut into lexemes, and each is judged by itself (lexemes.py), so that the judgement of words that come again
and again is remembered; a few rules need the neighbours of a word and are applied to what that gives. Which line of an
output counts is in informative_line.py, and which masked messages are one pattern in analytics/patterns.

The rules follow how software writes messages: constant words around printed values. That masking the common shapes of
values does more than clever grouping is a finding of Drain (He et al., ICWS 2017) and of the benchmarks on Loghub (Zhu
et al., ICSE-SEIP 2019; Jiang et al., ISSTA 2024).
"""

import re
from collections.abc import Callable
from typing import Final

from attempts.lexemes import DELIMITERS, LEXEME, judge

# A line settles after one or two passes; this is for the text that somebody makes up so that it does not.
MAX_PASSES: Final = 10

# Dots that lead the eye to a value ("cache size ..... 7") part what stands on either side.
_LEADER = re.compile(r"\.{3,}")
_EMPTY_ASSIGNMENT = re.compile(r"(?<=[\w\])])=(?=[\s,;&)}\]|]|\Z)")
# A bare word where a name is expected: whose account, or on whose behalf somebody came from an address.
_NOT_A_NAME = (
    r"(?:is|was|are|were|has|had|have|be|been|does|did|do|will|can|cannot|could|not|and|or|from|by|to|for|on|in|at|with"
    r"|via|of|as|into|within|after|before|since|until|under|failed)"
)
_ACCOUNT = re.compile(
    r"\b((?:[Ff]or|[Bb]y|[Oo]f|[Ff]rom|[Aa]s|[Ii]nvalid|[Ii]llegal|[Uu]nknown) (?:user|account|client|login) )"
    rf"(?!{_NOT_A_NAME}\b)[^\W\d_][\w.$-]*"
)
_BEHALF = re.compile(
    r"\b(?:((?:[Ff]or|[Bb]y) )(?!user\b)[a-z][\w.$-]*(?= (?:from|at) <)|(user )[a-z][\w.$-]*(?= <address>))"
)
# Behind a noun for things that have names, a word of the shape of an identifier is a name: "table user_events".
_IDENTIFIER = r"(?:[A-Za-z]\w*_\w+|[A-Za-z]+[a-z][A-Z]\w*|[A-Za-z]\w*(?:\.\w+)+|[a-z]+(?:-[a-z]+)+)"
_NAMED = re.compile(
    r"\b((?:host|hostname|node|server|device|interface|service|daemon|process|program|job|task|thread|queue|topic|table"
    r"|database|schema|relation|index|column|key|module|package|plugin|driver|file|directory|domain|group|role|container"
    r"|pod|deployment|image|volume|namespace|cluster|region|zone|bucket|instance|partition|branch|tag|repository"
    r"|command|property|parameter|option|variable|attribute|field|method|function|class) )"
    rf"{_IDENTIFIER}(?<!Exception)(?<!Error)(?![\w.(:])"
)
# Behind these prepositions a word that hyphens or underscores hold together names where to or whence: "to payment-db".
_PLACED = re.compile(
    r"\b((?:[Tt]o|[Ff]rom|[Oo]f|[Oo]n|[Aa]t|[Ff]or|[Bb]y) )(?:[a-z]+(?:-[a-z]+)+|[A-Za-z]+(?:_[A-Za-z]+)+)(?![\w.(-])"
)
# What a shell or a loader did not find has a name, which it says first: "bash: foo: command not found".
_MISSING = re.compile(r"(?:(?<=: )|\A)[A-Za-z][\w.+-]*(?=: (?:command )?not found\b)")
# What changes its state names both: "moved from NEW to RUNNING".
_TRANSITION = re.compile(
    r"\b((?:[Tt]ransition(?:s|ed|ing)?|[Cc]hanged?|[Mm]oved|state) from )[A-Z][A-Z_]+( to )(?:[A-Z][A-Z_]+\b|<value>)"
)
# A short value in a list of fields: ", name: value" or "{name: value".
_FIELD = re.compile(rf"(?<=[,;{{(])(\s*[A-Za-z_][\w-]*:\s?)[^{DELIMITERS}]+(?=\s*[,;)}}]|\Z)")


class _Remembered(dict[str, str]):
    """What a pure function gave for each text, as long as there is room: two threads can only write the same twice."""

    def __init__(self, function: Callable[[str], str], *, texts: int, characters: int) -> None:
        super().__init__()
        self._function = function
        self._texts = texts
        self._characters = characters

    def __missing__(self, text: str) -> str:
        answer = self._function(text)
        if len(text) <= self._characters:
            if len(self) >= self._texts:
                self.clear()
            self[text] = answer
        return answer


def _lexemes_judged(line: str) -> str:
    if "..." in line:
        line = _LEADER.sub(" \u2026 ", line)
    return "".join(map(_judgement, LEXEME.findall(line)))


def _neighbours_judged(masked: str) -> str:
    masked = _EMPTY_ASSIGNMENT.sub("=<value>", masked)
    masked = _FIELD.sub(r"\1<value>", masked)
    masked = _ACCOUNT.sub(r"\1<value>", masked)
    masked = _NAMED.sub(r"\1<value>", masked)
    masked = _MISSING.sub("<value>", masked)
    masked = _PLACED.sub(r"\1<value>", masked)
    masked = _TRANSITION.sub(r"\1<value>\2<value>", masked)
    masked = _BEHALF.sub(r"\1\2<value>", masked)
    return " ".join(masked.split())


def _settled(judged: str) -> str:
    """All rules, again and again until they change nothing: a mask may show what is beside it in another light."""
    masked = _neighbours_judged(judged)
    for _ in range(MAX_PASSES):
        again = _neighbours_judged(_lexemes_judged(masked))
        if again == masked:
            break
        masked = again
    return masked


_judgement = _Remembered(judge, texts=50_000, characters=80).__getitem__
# Most failures have been seen before with other values, so most lines end here, after one look at their lexemes.
_settlement = _Remembered(_settled, texts=10_000, characters=500).__getitem__


def mask(line: str) -> str:
    """The line with a mask, such as <number>, in the place of each value. Masking a masked line changes nothing."""
    return _settlement(_lexemes_judged(line))
