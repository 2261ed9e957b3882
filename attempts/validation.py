"""Checks and cleans one decoded document: what msgspec does not check, and what is not stored as sent.

Not stored as sent: U+0000 becomes U+FFFD, and secrets become marks (redaction.py). Everything else that cannot be
stored exactly is a Fault with the path of what is wrong. Decoding bytes into documents is in decoding.py.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from attempts.canonical import decode_exact, encode_exact
from attempts.limits import limits
from attempts.records import MAX_TEXT, NOT_TOLD, OPEN_STATUSES, REQUIRED_IN_ATTEMPT, AttemptDocument, Step
from attempts.redaction import TEXT_TRIGGERS, redactor, triggers_in

EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2201, 1, 1, tzinfo=UTC)

# 64 bits, signed or not.
SMALLEST_INTEGER: Final = -(2**63)
LARGEST_INTEGER: Final = 2**64 - 1
# How much of a path or a message is told.
SHOWN_CHARACTERS: Final = 500
# Beyond a double's range a number is no measurement, and jsonb would write out all of its digits on reading.
SMALLEST_EXPONENT: Final = -324
LARGEST_EXPONENT: Final = 308
LONGEST_NUMBER: Final = 400

# Where a number may be out of range, or few bytes may become many digits. It also meets such text inside strings,
# which only costs the slower look. One digit comes first on its own, so that the search skips from digit to digit.
_UNUSUAL_NUMBER: Final = re.compile(rb"[0-9](?:[0-9]{18}|[eE][+-]?[0-9]{2})")
_STRINGS: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_FIRST_BYTE: Final = {"an object": b"{", "a list": b"["}


class Fault(Exception):
    """Something is wrong with a document, at one place in it."""

    def __init__(self, message: str, *, path: str, field: str | None = None, code: str = "invalid") -> None:
        super().__init__(message)
        # Both may quote what was sent: no secret in an answer or in the table of refusals, and no megabytes.
        self.message = _cut(clean_text(message))
        self.path = _cut(clean_text(path))
        self.field = field or last_name(self.path)
        self.code = code

    def within(self, path: str) -> "Fault":
        """The same fault seen from further out: path is where the faulty part stands there."""
        return Fault(self.message, path=join(path, self.path) if self.path else path, field=self.field, code=self.code)


def _cut(text: str) -> str:
    return (
        text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS // 2]}…{text[-SHOWN_CHARACTERS // 2 :]}"
    )


def last_name(path: str) -> str | None:
    """The field that a path ends in: started_at of action_attempts[3].started_at."""
    while path.endswith("]") and (start := path.rfind("[")) >= 0 and path[start + 1 : -1].isdigit():
        path = path[:start]
    name = path.rpartition(".")[2]
    return name or None


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What in a whole request calls for a second look at its parts. Most requests have nothing of the kind."""

    texts: bool
    triggers: Sequence[bytes]
    numbers: bool


def suspicion_of(body: bytes, documents: Iterable[Struct]) -> Suspicion:
    """Search a request once, instead of each of its values: its texts in the body, its free-form JSON all together."""
    values = b"\n".join([bytes(raw) for document in documents for raw in _free_form(document)])
    return Suspicion(
        texts=bool(triggers_in(body.lower(), TEXT_TRIGGERS)),
        triggers=triggers_in(values.lower()),
        numbers=_UNUSUAL_NUMBER.search(values) is not None,
    )


def _free_form(document: Struct) -> Iterator[Raw]:
    for name, _ in kinds_of(type(document)).json:
        raw: Raw = getattr(document, name)
        if raw is not NOT_TOLD:
            yield raw
    for step in getattr(document, "logs", None) or ():
        if step.details is not NOT_TOLD:
            yield step.details


@dataclass(frozen=True, slots=True)
class FieldKinds:
    """The fields of a struct by what is to be checked of them."""

    identities: tuple[str, ...]
    texts: tuple[str, ...]
    short: frozenset[str]
    times: tuple[str, ...]
    numbers: tuple[str, ...]
    json: tuple[tuple[str, str | None], ...]


# Free-form fields that must be of one JSON type.
JSON_TYPES: Final = {
    "parameters": "an object",
    "extra": "an object",
    "recommended_actions": "a list",
    "summary": "an object",
}
# Texts by which records are found: a NUL in them is refused, not replaced.
IDENTITIES: Final = ("action_id", "action_type", "incident_id")


@cache
def kinds_of(struct: type[Struct]) -> FieldKinds:
    """Read off the struct's own annotations, so that a new field is checked without being named again."""
    identities, texts, short, times, numbers, json = [], [], [], [], [], []
    for field in msgspec.structs.fields(struct):
        types = str(field.type)
        if field.name in IDENTITIES:
            identities.append(field.name)
        elif field.type is Raw:
            json.append((field.name, JSON_TYPES.get(field.name)))
        elif "datetime" in types:
            times.append(field.name)
        elif "float" in types:
            numbers.append(field.name)
        elif "str" in types and "Literal" not in types:
            texts.append(field.name)
            if f"max_length={MAX_TEXT}" in types:
                short.append(field.name)
    return FieldKinds(tuple(identities), tuple(texts), frozenset(short), tuple(times), tuple(numbers), tuple(json))


def check_fields(document: Struct, suspicion: Suspicion) -> None:
    """Check and clean the fields of one struct in place. suspicion is that of the whole request.

    Raises Fault, its path within the struct.
    """
    kinds = kinds_of(type(document))
    for name in kinds.times:
        time = getattr(document, name)
        if time is None:
            continue
        if time.tzinfo is not UTC:
            # PostgreSQL knows no offset beyond 15:59, and the instant is the same.
            time = _in_utc(time, name)
            setattr(document, name, time)
        if not 1970 < time.year < 2200 and not EARLIEST <= time < LATEST:
            raise _out_of_reach(name)
    for name in kinds.numbers:
        if getattr(document, name) == 0:
            setattr(document, name, 0.0)  # -0.0 is the same fact
    for name, json_type in kinds.json:
        raw = getattr(document, name)
        if raw is not NOT_TOLD:
            cleaned = clean_json(raw, name, json_type, suspicion)
            if cleaned is not raw:
                setattr(document, name, cleaned)
    if suspicion.texts:
        _clean_texts(document, kinds)


def check_attempt(document: AttemptDocument, suspicion: Suspicion, *, partial: bool = False) -> None:
    """Check and clean one attempt document in place, and number the steps of a whole record.

    partial: the identities may be missing, because they are taken from the stored row. Raises Fault, its path within
    the document.
    """
    if not partial:
        require(document, REQUIRED_IN_ATTEMPT)
    check_fields(document, suspicion)
    if document.logs:
        _number_steps(document, partial=partial)
        for position, step in enumerate(document.logs):
            try:
                check_fields(step, suspicion)
            except Fault as fault:
                raise fault.within(f"logs[{position}]") from None


def require(document: Struct, names: tuple[str, ...]) -> None:
    """Raises Fault when one of these fields is not told."""
    for name in names:
        if getattr(document, name) is None:
            raise Fault("This field is required in every document.", path=name)


def join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _in_utc(time: datetime, name: str) -> datetime:
    try:
        return time.astimezone(UTC)
    except OverflowError:  # in the years 1 and 9999
        raise _out_of_reach(name) from None


def _out_of_reach(name: str) -> Fault:
    return Fault("The time must lie in the years 1970 to 2200.", path=name)


def _number_steps(document: AttemptDocument, *, partial: bool) -> None:
    """Give the steps of a whole record their positions; a part of one must number its steps itself.

    A whole record tells how the attempt ended, or when it started and how it stands, as the old files do.
    """
    steps: list[Step] = document.logs or []
    missing = [position for position, step in enumerate(steps) if step.sequence is None]
    if not missing:
        return
    where = f"logs[{missing[0]}].sequence"
    if len(missing) != len(steps):
        raise Fault("Number all steps or none: some of these have a sequence, this one has not.", path=where)
    whole = (
        not partial
        and document.status is not None
        and (document.started_at is not None or document.status not in OPEN_STATUSES)
    )
    if not whole:
        raise Fault(
            "A step needs its sequence (0, 1, 2, ...) unless the document is a whole record with its status.",
            path=where,
        )
    for position, step in enumerate(steps):
        step.sequence = position


def _clean_texts(document: Struct, kinds: FieldKinds) -> None:
    for name in kinds.identities:
        if "\0" in (getattr(document, name) or ""):
            raise Fault("An identity must not hold U+0000.", path=name)
    for name in kinds.texts:
        text = getattr(document, name)
        if text:
            cleaned = clean_text(text)
            if len(cleaned) > MAX_TEXT and name in kinds.short:
                raise Fault(f"Longer than {MAX_TEXT} characters once the secret in it is marked.", path=name)
            setattr(document, name, cleaned)


def clean_text(text: str) -> str:
    """The text as it is stored."""
    return redactor().text(text.replace("\0", "\ufffd"))


def clean_json(raw: Raw, path: str, json_type: str | None, suspicion: Suspicion) -> Raw:
    """The free-form JSON as it is stored, itself when nothing is to be cleaned; NOT_TOLD for null. Raises Fault."""
    source = bytes(raw)
    if source == b"null":
        return NOT_TOLD
    if json_type is not None and not source.startswith(_FIRST_BYTE[json_type]):
        raise Fault(f"This must be {json_type}.", path=path)
    check_nesting(source, path)
    if (suspicion.numbers and _UNUSUAL_NUMBER.search(source)) or (
        suspicion.triggers and triggers_in(source.lower(), suspicion.triggers)
    ):
        raw = Raw(_clean_by_walking(source, path))
    return without_nulls(raw) if path == "extra" else raw


def without_nulls(extra: Raw) -> Raw:
    """extra without the members that are null: they are not told, as everywhere."""
    if b"null" not in bytes(extra):
        return extra
    members = msgspec.json.decode(extra, type=dict[str, Raw])
    told = {name: value for name, value in members.items() if bytes(value) != b"null"}
    return extra if len(told) == len(members) else Raw(msgspec.json.encode(told))


def check_nesting(raw: bytes, path: str) -> None:
    """Raises Fault when JSON is nested deeper than the limit, without decoding it."""
    limit = limits().nesting
    if len(raw) <= limit or raw.count(b"[") + raw.count(b"{") <= limit:
        return
    brackets = _STRINGS.sub(b"", raw).translate(None, delete=_NOT_BRACKETS)
    # Each round takes away the innermost level.
    for _ in range(limit):
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if not brackets:
            return
    raise Fault(f"Nested deeper than {limit} levels.", path=path, code="too_large")


_NOT_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in b"[]{}")


def _clean_by_walking(raw: bytes, path: str) -> bytes:
    try:
        value = decode_exact(raw)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise Fault(f"This JSON cannot be read: {error}.", path=path) from error
    digits = _Digits()
    try:
        return encode_exact(_cleaned(value, digits))
    except Fault as fault:
        raise Fault(fault.message, path=_joined(path, fault.path), code=fault.code) from None


class _Digits:
    """Counts the digits of a value's numbers when they are written out."""

    written = 0

    def count(self, digits: int) -> None:
        self.written += digits
        if digits > LONGEST_NUMBER or self.written > limits().document_bytes:
            raise Fault("The numbers in here have too many digits when they are written out.", path="")


def _cleaned(value: Any, digits: _Digits) -> Any:
    """The decoded value as it is stored. Raises Fault, its path within the value: built only when it is needed."""
    match value:
        case str():
            return clean_text(value)
        case bool() | None:
            return value
        case int():
            if not SMALLEST_INTEGER <= value <= LARGEST_INTEGER:
                raise Fault("The integer does not fit into 64 bits; send it as text.", path="")
            return value
        case Decimal():
            if value and not SMALLEST_EXPONENT <= value.adjusted() <= LARGEST_EXPONENT:
                raise Fault("The number is outside the range of a 64-bit float; send it as text.", path="")
            _, figures, exponent = value.as_tuple()
            digits.count(len(figures) + abs(int(exponent)))
            return value
        case list():
            cleaned_items: list[Any] = []
            for item in value:
                try:
                    cleaned_items.append(_cleaned(item, digits))
                except Fault as fault:
                    raise Fault(fault.message, path=_joined(f"[{len(cleaned_items)}]", fault.path)) from None
            return cleaned_items
        case dict():
            return _cleaned_object(value, digits)
    raise TypeError(f"not a JSON value: {type(value).__name__}")


def _cleaned_object(value: dict[str, Any], digits: _Digits) -> dict[str, Any]:
    cleaned: dict[str, Any] = {}
    for name, item in value.items():
        kept = clean_text(name)
        if kept in cleaned:
            raise Fault("Two names are the same once U+0000 and secrets are replaced in them.", path=name)
        secret, mark = redactor().under(name, item)
        try:
            cleaned[kept] = mark if secret else _cleaned(item, digits)
        except Fault as fault:
            raise Fault(fault.message, path=_joined(name, fault.path)) from None
    return cleaned


def _joined(path: str, below: str) -> str:
    return f"{path}{below}" if below.startswith("[") or not below else f"{path}.{below}"
