"""How a recorded session is told in Actionlog's documents: which key becomes which field. Sends nothing.

Nothing of a recording is lost: whatever has no field of its own, or a value that its field cannot hold, goes into
extra (of a step: into its details). A key that is null is a key that is not there.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from attempts.records import MAX_TEXT
from resolutions.records import SEVERITIES

Document = dict[str, Any]
# Gives the value as its field takes it, or None when it cannot.
Reader = Callable[[Any], Any]

STATUSES: Final = {
    "success": "success",
    "succeeded": "success",
    "successful": "success",
    "completed": "success",
    "ok": "success",
    "failed": "failed",
    "failure": "failed",
    "error": "failed",
    "timeout": "failed",
    "skipped": "skipped",
    "cancelled": "cancelled",
    "canceled": "cancelled",
}
RESOLUTION_STATUSES: Final = ("in_progress", "resolved", "failed", "escalated")


def short_text(value: Any) -> str | None:
    return value if isinstance(value, str) and len(value) <= MAX_TEXT else None


def text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def type_name(value: Any) -> str | None:
    """As short_text, without U+0000, which is refused in what every document must name."""
    named = short_text(value)
    return None if named is None else named.replace("\0", "\ufffd")


def identity(value: Any) -> str | None:
    """Text or a number; U+0000, which identities cannot hold, becomes what it becomes in other texts."""
    named = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    return named.replace("\0", "\ufffd") if 0 < len(named) <= MAX_TEXT else None


def time(value: Any) -> str | None:
    """RFC 3339 in UTC. A time without offset is taken for UTC."""
    moment = moment_of(value)
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


def moment_of(value: Any) -> datetime | None:
    """The time a text tells; None when it is no text, no time, or not of the years 1970 to 2200."""
    if not isinstance(value, str):
        return None
    try:
        told = datetime.fromisoformat(value)
        moment = told.replace(tzinfo=UTC) if told.tzinfo is None else told.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if 1970 <= moment.year <= 2200 else None


def fraction(value: Any) -> float | None:
    return value if _is_number(value) and 0 <= value <= 1 else None


def seconds(value: Any) -> float | None:
    return value if _is_number(value) and 0 <= value < 1e300 else None


def boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def mapping(value: Any) -> Document | None:
    return value if isinstance(value, dict) else None


def anything(value: Any) -> Any:
    return value


def one_of(known: tuple[str, ...]) -> Reader:
    return lambda value: value if isinstance(value, str) and value in known else None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


ABOUT_INCIDENT: Final[dict[str, Reader]] = {
    "incident_type": short_text,
    "environment": short_text,
    "engine": short_text,
    "engine_version": short_text,
}
TOLD_WHEN_OPENED: Final[dict[str, Reader]] = {
    "severity": one_of(SEVERITIES),
    "service": short_text,
    "title": text,
    "confidence": fraction,
    "recommended_actions": lambda value: value if isinstance(value, list) else None,
    "started_at": time,
}
TOLD_WHEN_CLOSED: Final[dict[str, Reader]] = {"completed_at": time, "summary": mapping, "root_cause": text}
TOLD_AT_START: Final[dict[str, Reader]] = {
    **ABOUT_INCIDENT,
    "target": short_text,
    "trace_id": short_text,
    "approved_by": short_text,
    "reason": text,
    "parameters": mapping,
    "confidence": fraction,
    "critical": boolean,
    "expected_seconds": seconds,
    "started_at": time,
}
TOLD_AT_END: Final[dict[str, Reader]] = {
    "completed_at": time,
    "execution_time_seconds": seconds,
    "result": anything,
    "error_message": text,
    "error_type": text,
    "error_details": anything,
}
TOLD_IN_STEP: Final[dict[str, Reader]] = {"step": text, "status": text, "timestamp": time}


class Recorded:
    """A recorded object whose keys are taken one by one."""

    def __init__(self, told: Document) -> None:
        self._left = {key: value for key, value in told.items() if value is not None}

    def take(self, key: str, reader: Reader) -> Any:
        """The value as the field takes it, which is then gone from here; None when there is none such."""
        usable = reader(self._left.get(key))
        if usable is not None:
            del self._left[key]
        return usable

    def take_all(self, readers: dict[str, Reader]) -> Document:
        return {key: value for key, reader in readers.items() if (value := self.take(key, reader)) is not None}

    def rename(self, key: str, field: str, reader: Reader) -> None:
        """A key by which recordings call a field; the field's own name, where it is there too, goes first."""
        if field not in self._left and reader(self._left.get(key)) is not None:
            self._left[field] = self._left.pop(key)

    def extra(self) -> Document:
        """{"extra": what nobody took}, or nothing. The recording's own extra is the base."""
        own = self.take("extra", mapping) or {}
        extra = {key: value for key, value in own.items() if value is not None}
        for key, value in self._left.items():
            while key in extra:
                key = f"_{key}"
            extra[key] = value
        return {"extra": extra} if extra else {}

    def rest(self) -> Document:
        return self._left


def read_resolution(told: Document, *, incident_id: str) -> tuple[Document, Document]:
    """What is told when the session opens, and when it closes. `actions` is for the caller to read."""
    recorded = Recorded({key: value for key, value in told.items() if key != "actions"})
    recorded.rename("ai_confidence", "confidence", fraction)
    recorded.take("incident_id", lambda value: value if value == incident_id else None)
    opening = {"incident_id": incident_id, **recorded.take_all(ABOUT_INCIDENT), **recorded.take_all(TOLD_WHEN_OPENED)}
    success = recorded.take("success", boolean)
    if success is None:
        status = recorded.take("status", one_of(RESOLUTION_STATUSES))
    else:
        status = "resolved" if success else "failed"
    closing = {"status": status} if status else {}
    closing |= recorded.take_all(TOLD_WHEN_CLOSED)
    return opening, closing | recorded.extra()


def read_action(told: Document, *, action_id: str) -> tuple[Document, list[Document], Document]:
    """What is told when the action starts, its steps in order, and what is told at its end."""
    recorded = Recorded(told)
    recorded.rename("ai_confidence", "confidence", fraction)
    recorded.rename("result_excerpt", "result", anything)
    recorded.take("action_id", lambda value: value if value == action_id else None)
    action_type = recorded.take("action_type", type_name)
    start = {"action_id": action_id, "action_type": action_type or "", **recorded.take_all(TOLD_AT_START)}
    steps = read_steps(recorded.take("logs", lambda value: value if isinstance(value, list) else None) or [])
    named = str(told.get("status")).lower()
    end: Document = {}
    if named in STATUSES:
        recorded.take("status", anything)
        end["status"] = STATUSES[named]
    end |= recorded.take_all(TOLD_AT_END)
    if named == "timeout":
        end.setdefault("error_type", "timeout")
    return start, steps, end | recorded.extra()


def read_steps(told: list[Any]) -> list[Document]:
    """One document for each entry, numbered by its position; an entry that is no object is a step's details."""
    return [{"sequence": position, **_step(entry)} for position, entry in enumerate(told)]


def _step(entry: Any) -> Document:
    if not isinstance(entry, dict):
        return {} if entry is None else {"details": entry}
    recorded = Recorded(entry)
    step = recorded.take_all(TOLD_IN_STEP)
    details = recorded.take("details", anything)
    rest = recorded.rest()
    if not rest:
        return step if details is None else step | {"details": details}
    if isinstance(details, dict) and not details.keys() & rest.keys():
        return step | {"details": details | rest}
    return step | {"details": rest if details is None else {"details": details, **rest}}


def encode(document: Document) -> bytes:
    """JSON; half a surrogate pair, which is no text, becomes a question mark."""
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")
