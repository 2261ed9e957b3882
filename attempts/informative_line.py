"""The informative line of a failure message of any kind: what a reader would quote of a traceback or an output.

Of a traceback it is the exception that was raised last, or the cause that its chain of causes ends with; of the output
of a command the first line that says "error" as programs say it; else the first line that speaks of a failure, else
the first with a letter in it. What is masked in the line is in masking.py.
"""

import re
from collections.abc import Iterator
from typing import Final

# How much of a text is looked at: what failed stands at the beginning or, after much output, at the end. Where these do
# not tell, of what lies between the first line with one of these signs, and what follows the last traceback. Signs are
# plain texts, each of which is found in half a millisecond in a megabyte.
HEAD_CHARACTERS: Final = 2_048
TAIL_CHARACTERS: Final = 6_144
SIGNS: Final = ("\nError:", "\nerror:", "\nERROR", "\nfatal:", " ERROR ")
_PYTHON_TRACEBACK: Final = "Traceback (most recent call last)"
_BEFORE_SIGN: Final = 80
_FROM_SIGN: Final = 1_000
_FROM_TRACEBACK: Final = 6_144
_SIGNS_IN_SQL: Final = ", ".join("E'{}'".format(sign.replace("\n", "\\n")) for sign in SIGNS)
# The same in SQL, of error_message: a longer text stays a long one, and tells the same as the whole.
READ_PART: Final = f"""
    CASE WHEN length(error_message) > {HEAD_CHARACTERS + TAIL_CHARACTERS} THEN (
        SELECT left(error_message, {HEAD_CHARACTERS})
            || coalesce(substr(middle, greatest(sign - {_BEFORE_SIGN}, 1),
                               {_FROM_SIGN} + least(sign - 1, {_BEFORE_SIGN})), '')
            || chr(10)
            || CASE WHEN strpos(middle, traceback) = 0 THEN ''
                    ELSE substr(middle, length(middle) + 2 - length(traceback)
                                        - strpos(reverse(middle), reverse(traceback)), {_FROM_TRACEBACK}) END
            || right(error_message, {TAIL_CHARACTERS})
        FROM (SELECT '{_PYTHON_TRACEBACK}' AS traceback,
                     substr(error_message, {HEAD_CHARACTERS + 1},
                            length(error_message) - {HEAD_CHARACTERS + TAIL_CHARACTERS}) AS middle) AS cut,
             LATERAL (SELECT min(nullif(strpos(middle, text), 0)) AS sign
                      FROM unnest(ARRAY[{_SIGNS_IN_SQL}]) AS signs (text)) AS found)
         ELSE error_message END
"""  # noqa: S608  # only constants are written into the text
# A longer line is known by its beginning.
LINE_CHARACTERS: Final = 1_000

# Colours and other terminal sequences; characters that are not shown, such as marks of direction.
_TERMINAL = re.compile(r"\x1b(?:\[[0-?]*+[ -/]*+[@-~]|\][^\x07\x1b]*+(?:\x07|\x1b\\)?|[@-Z\\^_=>])")
_UNSEEN = re.compile(
    r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]+"
)
# A carriage return alone begins the line again, as progress bars do; for us it ends a line.
_LINE_END = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")

_NAMED_TYPE = r"[^\W\d][\w.$:/-]*"

# Python: the first line behind the frames that is not indented. The bars are those of an exception group.
_PYTHON_EXCEPTION = re.compile(rf"^[ |+-]*(?:{_NAMED_TYPE})(?::[ ].*|:?)$", re.M)
# Java, .NET, Node, Rust: the last in the chain of causes. Where "Caused by:" stands alone, causes are listed below it.
_CAUSE = re.compile(r"^[ \t|]*(?:Caused by:|\[cause\]:|--->)[ \t]*(\S.*)$", re.M)
_LISTED_CAUSES = re.compile(r"^Caused by:[ \t]*\n((?:[ \t]+\S.*(?:\n|\Z))+)", re.M)
_LISTED_CAUSE = re.compile(r"^[ \t]+(?:\d+:[ \t]+)?(\S.*)$", re.M)
# A line with a frame ("    at f (file:1)") below it is an exception.
_ABOVE_FRAMES = re.compile(r"^(?![ \t]*(?:at |\.\.\. \d))[ \t]*(\S.*)\n(?:[ \t]+at .*(?:\n|\Z))", re.M)
_THREAD = re.compile(r"^Exception in thread (?:\"[^\"]*\"|\S+)\s+")
# Rust puts the message of a panic behind the place, or on the next line.
_RUST_PANIC = re.compile(r"^thread '[^'\n]*'.* panicked at (?:'(.*)', \S+|[^\n]*:\n(.*))$", re.M)
_GO_PANIC = re.compile(r"^(?:panic|fatal error): .*$", re.M)
# A program says "error" at the beginning of a line, behind a time, its own name or a level.
_ERROR = re.compile(
    r"^(?:.{0,80}?[ \t\[:|])?"
    r"(?:(?:[Ff]atal|FATAL|[Ee]rror|ERROR|CRITICAL|[Pp]anic|PANIC)(?:\[\w+\])?(?:[:\]!]|[ ][-|])"
    r"|(?:ERROR|FATAL|CRITICAL|ERR!|E:|Error from|Error response from)[ ]).*\w.*$",
    re.M,
)
_FAILURE = re.compile(
    r"^.*\b(?:errors?|fail(?:ed|ure|s)?|cannot|can't|could not|couldn't|unable|denied|refused|rejected|forbidden"
    r"|unauthorized|invalid|timed out|timeout|not found|no such|unreachable|exception|aborted|killed|exceeded)\b.*$",
    re.M | re.I,
)
_LETTER_LINE = re.compile(r"^.*[^\W\d_].*$", re.M)
# The message within a JSON answer.
_JSON_MESSAGE = re.compile(
    r"\"(?:error_?message|message|error_description|detail|reason|error|msg)\"\s*:\s*\"((?:[^\"\\]|\\.){1,1000})\"",
    re.I,
)


def informative_line(text: str | None) -> str:
    """One line without control characters, at most LINE_CHARACTERS long; empty where there is nothing to read."""
    if not text:
        return ""
    if len(text) <= LINE_CHARACTERS and text.isprintable() and text[0] not in "{[":
        return text
    text = _cleaned(text) if len(text) <= HEAD_CHARACTERS + TAIL_CHARACTERS else _parts(text)
    line = _json_message(text) or (_line(_shortened(text)) if "\n" in text else text)
    return line.strip()[:LINE_CHARACTERS]


def _cleaned(text: str) -> str:
    if "\x1b" in text:
        text = _TERMINAL.sub("", text)
    return _UNSEEN.sub("", _LINE_END.sub("\n", text)).strip()


def _parts(text: str) -> str:
    """The beginning and the end, in whole lines as far as there are any; and what has a sign between them, where these
    do not say what failed."""
    head, middle, tail = text[:HEAD_CHARACTERS], text[HEAD_CHARACTERS:-TAIL_CHARACTERS], text[-TAIL_CHARACTERS:]
    head, tail = head.rpartition("\n")[0] or head, tail.partition("\n")[2] or tail
    ends = _cleaned(f"{head}\n{tail}")
    if _told(_shortened(ends)):
        return ends
    return _cleaned("\n".join((head, *_signs_in(middle), tail)))


def _signs_in(middle: str) -> Iterator[str]:
    at = min((found for found in map(middle.find, SIGNS) if found >= 0), default=-1)
    if at >= 0:
        before = "" if middle[at] == "\n" else middle[max(at - _BEFORE_SIGN, 0) : at].rpartition("\n")[2]
        yield before + middle[at : at + _FROM_SIGN].lstrip("\n").partition("\n")[0]
    at = middle.rfind(_PYTHON_TRACEBACK)
    if at >= 0:
        traceback = middle[at : at + _FROM_TRACEBACK]
        yield traceback.rpartition("\n")[0] or traceback


def _json_message(text: str) -> str:
    if not text.startswith(("{", "[{")):
        return ""
    found = _JSON_MESSAGE.search(text)
    return found[1].replace("\\n", " ").replace('\\"', '"') if found else ""


def _shortened(text: str) -> str:
    return "\n".join([line[:LINE_CHARACTERS] for line in text.split("\n")])


def _line(text: str) -> str:
    line = _told(text) or _failure(text).strip()
    if line:
        return line
    found = _LETTER_LINE.search(text)
    return str(found[0]) if found else text.partition("\n")[0]


def _told(text: str) -> str:
    """The line that says what failed, in one of the ways in which programs say it; empty where there is none."""
    for find in (_python, _cause, _panic, _above_frames, _error):
        line = find(text).strip()
        if line:
            return line
    return ""


def _python(text: str) -> str:
    start = text.rfind(_PYTHON_TRACEBACK)
    if start < 0:
        return ""
    found = _PYTHON_EXCEPTION.search(text, text.find("\n", start) + 1) if "\n" in text[start:] else None
    return found[0].lstrip(" |+-") if found else ""


def _cause(text: str) -> str:
    listed = _LISTED_CAUSES.search(text)
    if listed:
        return str(_LISTED_CAUSE.findall(listed[1])[-1])
    causes = _CAUSE.findall(text)
    return str(causes[-1]) if causes else ""


def _panic(text: str) -> str:
    found = _RUST_PANIC.search(text)
    if found:
        return found[1] or found[2]
    found = _GO_PANIC.search(text)
    return found[0] if found else ""


def _above_frames(text: str) -> str:
    found = _ABOVE_FRAMES.findall(text)
    return _THREAD.sub("", found[-1]) if found else ""


def _error(text: str) -> str:
    found = _ERROR.search(text)
    return found[0] if found else ""


def _failure(text: str) -> str:
    found = _FAILURE.search(text)
    return found[0] if found else ""
