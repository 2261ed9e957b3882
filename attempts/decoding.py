"""Turns the bytes of one document into a struct. One list of documents at once is in resolutions.door.decoding.

The fast way decodes straight into the struct. Only when that fails is the document taken apart, to put unknown fields
into extra and to say where the fault is.
"""

import re
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Raw

from attempts.canonical import decode_exact, encode_exact
from attempts.limits import limits
from attempts.records import AttemptDocument, Step
from attempts.redaction import redactor
from attempts.validation import Fault, join

Document = TypeVar("Document")

_PATH: Final = re.compile(r" - at `(?:key in )?\$(?P<path>.*)`$", re.DOTALL)
_MISSING: Final = re.compile(r"missing required field `(?P<name>[^`]*)`")
_UNKNOWN_FIELD: Final = "unknown field"
_LONE_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")

_as_object: Final = msgspec.json.Decoder(dict[str, Raw]).decode
_as_list: Final = msgspec.json.Decoder(list[Raw]).decode


def fault_of(error: Exception, path: str) -> Fault:
    """The fault that an exception of msgspec's decoding tells of. path is where the decoded text stands."""
    if isinstance(error, RecursionError):
        return Fault(f"Nested deeper than {limits().nesting} levels.", path=path, code="too_large")
    text = str(error)
    found = _PATH.search(text)
    below = found["path"].removeprefix(".") if found else ""
    message = _PATH.sub("", text)
    if missing := _MISSING.search(message):
        below = join(below, missing["name"])
        message = "This field is required in every document."
    elif "timezone component" in message:
        message = "The time needs its offset from UTC, such as 2026-01-31T12:00:00Z or 2026-01-31T12:00:00+05:30."
    elif "RFC3339" in message:
        message = "This is no RFC 3339 time, such as 2026-01-31T12:00:00Z."
    elif not isinstance(error, msgspec.ValidationError):
        message = f"This is not JSON: {message}."
    where = path if not below else f"{path}{below}" if below.startswith("[") else join(path, below)
    return Fault(message.rstrip(".") + ".", path=where)


def decode_json(source: bytes, decoder: "msgspec.json.Decoder[Document]", path: str) -> Document:
    """Raises Fault."""
    try:
        return decoder.decode(source)
    except (msgspec.DecodeError, RecursionError) as error:
        if _LONE_SURROGATE.search(source) and not isinstance(error, msgspec.ValidationError | RecursionError):
            raise Fault("Not valid Unicode: half of a surrogate pair stands alone.", path=path) from error
        raise fault_of(error, path) from error


def decode_document(
    source: bytes, decoder: "msgspec.json.Decoder[Document]", path: str
) -> tuple[Document, list[dict[str, str]]]:
    """The document, and a warning for each field that we do not know, which is kept in extra. Raises Fault."""
    if len(source) > limits().document_bytes:
        raise Fault(
            f"The document is larger than {limits().document_bytes} bytes; send its steps in parts.",
            path=path,
            code="too_large",
        )
    try:
        return decoder.decode(source), []
    except msgspec.ValidationError as error:
        if _UNKNOWN_FIELD not in str(error):
            raise fault_of(error, path) from error
    except (msgspec.DecodeError, RecursionError):
        return decode_json(source, decoder, path), []  # raises, with the fault
    known = {field.encode_name for field in msgspec.structs.fields(decoder.type)}  # type: ignore[arg-type]
    kept, warnings = _move_unknown_to_extra(source, known, path)
    return decode_json(kept, decoder, path), warnings


def _move_unknown_to_extra(source: bytes, known: set[str], path: str) -> tuple[bytes, list[dict[str, str]]]:
    told = _as_object(source)
    unknown = {name: told.pop(name) for name in list(told) if name not in known}
    paths = {name: join(path, name) for name in unknown}
    if "logs" in told and bytes(told["logs"]).startswith(b"["):
        steps = []
        for position, raw in enumerate(_as_list(told["logs"])):
            step, strange = _known_step_fields(bytes(raw))
            steps.append(step)
            for name, value in strange.items():
                # Steps have no extra of their own; position tells them apart, since it is told in any document.
                unknown[f"logs[{position}].{name}"] = value
                paths[f"logs[{position}].{name}"] = join(path, f"logs[{position}].{name}")
        told["logs"] = Raw(msgspec.json.encode(steps))
    extra: dict[str, Raw] = {}
    if bytes(told.get("extra", b"null")) != b"null":
        try:
            extra = _as_object(told["extra"])
        except msgspec.ValidationError as error:
            raise Fault("This must be an object.", path=join(path, "extra")) from error
    for name, value in unknown.items():
        if name in extra and bytes(extra[name]) != bytes(value):
            raise Fault("This field is not known, and extra has another value for it.", path=paths[name])
        extra[name] = value
    told["extra"] = Raw(msgspec.json.encode(extra))
    warnings = [{"path": paths[name], "message": "This field is not known; it is kept in extra."} for name in unknown]
    return msgspec.json.encode(told), warnings


def _known_step_fields(raw: bytes) -> tuple[Raw, dict[str, Raw]]:
    if not raw.startswith(b"{"):
        return Raw(raw), {}
    step = _as_object(raw)
    strange = {name: step.pop(name) for name in list(step) if name not in Step.__struct_fields__}
    return Raw(msgspec.json.encode(step)), strange


def readable_refusal(source: bytes) -> str:
    """A refused document as it may be kept: whole, redacted, and without what PostgreSQL's text cannot hold."""
    try:
        return encode_exact(_without_secrets(decode_exact(source))).decode()
    except (msgspec.DecodeError, RecursionError, ValueError):
        return f"(a document of {len(source)} bytes that cannot be read, and so not be searched for secrets)"


def _without_secrets(value: Any) -> Any:
    match value:
        case str():
            return redactor().text(value.replace("\0", "\ufffd"))
        case list():
            return [_without_secrets(item) for item in value]
        case dict():
            kept = {}
            for name, item in value.items():
                secret, mark = redactor().under(name, item)
                kept[name.replace("\0", "\ufffd")] = mark if secret else _without_secrets(item)
            return kept
    return value


ATTEMPT_DECODER: Final = msgspec.json.Decoder(AttemptDocument)
