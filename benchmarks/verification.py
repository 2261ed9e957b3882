"""Compares what was sent with what the API reads back, and knows which differences the design allows.

Allowed are: U+0000 is stored as U+FFFD; a redacted value is a mark; numbers and times may be written differently as
long as they are the same number and the same moment. The order of keys in an object says nothing.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from benchmarks.mapping import TOLD_AT_END, TOLD_AT_START, TOLD_WHEN_CLOSED, TOLD_WHEN_OPENED, Document, moment_of

MARK: Final = re.compile(r"\[redacted:[0-9a-f]{16}\]")
TIMES: Final = ("started_at", "completed_at", "timestamp")
STEP_FIELDS: Final = ("sequence", "step", "status", "timestamp", "details")
# What reading shows for a field that nobody told.
SHOWN_WHEN_NOT_TOLD: Final[dict[str, Any]] = {
    "parameters": {},
    "critical": False,
    "recommended_actions": [],
    "summary": {},
}
SHOWN_LENGTH: Final = 120


def attempt_differences(sent: Document, read: Document) -> Iterator[str]:
    """One line for each difference; none when all of the attempt and its steps came back."""
    yield from _fields(sent, read, (*TOLD_AT_START, *TOLD_AT_END, "extra"), ignored=("logs", "execution_time_seconds"))
    told, found = sent["logs"], read.get("logs") or []
    if len(told) != len(found):
        yield f"logs: {len(told)} steps sent, {len(found)} read"
    by_sequence = {step.get("sequence"): step for step in found}
    for step in told:
        path = f"logs[{step['sequence']}]"
        yield from _fields(step, by_sequence.get(step["sequence"], {}), STEP_FIELDS, path=f"{path}.")


def resolution_differences(sent: Document, read: Document) -> Iterator[str]:
    """One line for each difference; the attempts of the resolution are compared on their own."""
    yield from _fields({"status": "in_progress"} | sent, read, (*TOLD_WHEN_OPENED, *TOLD_WHEN_CLOSED, "extra"))


def _fields(
    sent: Document, read: Document, known: tuple[str, ...], *, ignored: tuple[str, ...] = (), path: str = ""
) -> Iterator[str]:
    for name, value in sent.items():
        if name in TIMES:
            if moment_of(value) != moment_of(read.get(name)):
                yield _difference(f"{path}{name}", value, read.get(name))
        elif name not in ignored or (name != "logs" and name in read):
            yield from _differences(value, read.get(name), f"{path}{name}")
    for name in known:
        if name in sent or name in ignored:
            continue
        value = read.get(name)
        if value is not None and value != SHOWN_WHEN_NOT_TOLD.get(name) and not (name == "extra" and value == {}):
            yield _difference(f"{path}{name}", None, value)


def _differences(sent: Any, read: Any, path: str) -> Iterator[str]:
    if isinstance(read, str) and MARK.fullmatch(read):
        return
    if isinstance(sent, str) and isinstance(read, str):
        same = _same_text(sent.replace("\0", "\ufffd"), read)
    elif isinstance(sent, dict) and isinstance(read, dict):
        told = {key.replace("\0", "\ufffd"): value for key, value in sent.items()}
        for key in told.keys() | read.keys():
            if key in told and key in read:
                yield from _differences(told[key], read[key], f"{path}.{key}")
            else:
                yield _difference(f"{path}.{key}", told.get(key, "(nothing)"), read.get(key, "(nothing)"))
        return
    elif isinstance(sent, list) and isinstance(read, list) and len(sent) == len(read):
        for index, (told_entry, read_entry) in enumerate(zip(sent, read, strict=True)):
            yield from _differences(told_entry, read_entry, f"{path}[{index}]")
        return
    elif _is_number(sent) and _is_number(read):
        same = sent == read
    else:
        same = type(sent) is type(read) and sent == read
    if not same:
        yield _difference(path, sent, read)


def _same_text(sent: str, read: str) -> bool:
    """Whether the text is the same but for redacted parts: what stands between the marks must stand there in order."""
    if sent == read:
        return True
    first, *others = MARK.split(read)
    if not others or not sent.startswith(first):
        return False
    *between, last = others
    position = len(first)
    for part in between:
        found = sent.find(part, position)
        if found < 0:
            return False
        position = found + len(part)
    return sent.endswith(last) and len(sent) - len(last) >= position


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, Decimal)) and not isinstance(value, bool)


def _difference(path: str, sent: Any, read: Any) -> str:
    return f"{path}: sent {_shown(sent)}, read {_shown(read)}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]}... ({len(text)} characters)"
