"""Turns the bytes of one document into a struct. One list of documents at once is in resolutions/decoding.py.

The fast way decodes straight into the struct. Only when that fails is the document taken apart, to put unknown fields
into extra and to say where the fault is.
"""

import re
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Raw

from attempts.canonical import decode_exact, encode_exact, same_json
from attempts.limits import limits
from attempts.records import AttemptDocument, Step
from attempts.redaction import redactor
from attempts.validation import Fault, clean_text, join

Document = TypeVar("Document")

_MISSING: Final = re.compile(r"missing required field `(?P<name>[^`]*)`")
_UNKNOWN_FIELD: Final = "unknown field"
_LONE_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")

_as_object: Final = msgspec.json.Decoder(dict[str, Raw]).decode
_as_list: Final = msgspec.json.Decoder(list[Raw]).decode


def fault_of(error: Exception, path: str) -> Fault:
    """The fault that an exception of msgspec's decoding tells of. path is where the decoded text stands."""
    if isinstance(error, RecursionError):
        return Fault(f"Nested deeper than {limits().nesting} levels.", path=path, code="too_large")
    # The path comes last, after a message that may quote anything that was sent.
    message, found, where = str(error).rpartition(" - at `")
    if not found:
        message, where = where, ""
    below = where.removesuffix("`").removeprefix("key in ").removeprefix("$").removeprefix(".")
    if missing := _MISSING.search(message):
        below = join(below, missing["name"])
        message = "This field is required in every document."
    elif "timezone component" in message:
        message = "The time needs its offset from UTC, such as 2026-01-31T12:00:00Z or 2026-01-31T12:00:00+05:30."
    elif "RFC3339" in message:
        message = "This is no RFC 3339 time, such as 2026-01-31T12:00:00Z."
    elif not isinstance(error, msgspec.ValidationError):
        message = f"This is not JSON: {message}."
    whole = path if not below else f"{path}{below}" if below.startswith("[") else join(path, below)
    return Fault(message.rstrip(".") + ".", path=whole)


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
    try:
        kept, warnings = _move_unknown_to_extra(source, known, path)
    except (msgspec.DecodeError, RecursionError) as error:  # in what follows the first unknown field
        raise fault_of(error, path) from error
    return decode_json(kept, decoder, path), warnings


def _move_unknown_to_extra(source: bytes, known: set[str], path: str) -> tuple[bytes, list[dict[str, str]]]:
    told = _as_object(source)
    # {name in extra: (where it stood, its value)}
    unknown = {name: (join(path, name), told.pop(name)) for name in list(told) if name not in known}
    if "logs" in told and bytes(told["logs"]).startswith(b"["):
        steps = []
        for position, raw in enumerate(_as_list(told["logs"])):
            step, strange = _known_step_fields(bytes(raw))
            steps.append(Raw(msgspec.json.encode(step)) if isinstance(step, dict) else step)
            # Steps have no extra of their own. The sequence names a step in any document, its position in this one.
            number = bytes(step.get("sequence", b"")).decode() if isinstance(step, dict) else ""
            for name, value in strange.items():
                kept_as = f"logs[{number if number.isdigit() else position}].{name}"
                unknown[kept_as] = (join(path, f"logs[{position}].{name}"), value)
        told["logs"] = Raw(msgspec.json.encode(steps))
    extra: dict[str, Raw] = {}
    if bytes(told.get("extra", b"null")) != b"null":
        try:
            extra = _as_object(told["extra"])
        except msgspec.ValidationError as error:
            raise Fault("This must be an object.", path=join(path, "extra")) from error
    warnings = []
    for name, (where, value) in unknown.items():
        if bytes(value) == b"null":  # nothing told
            continue
        if name in extra and not _same(extra[name], value):
            raise Fault("This field is not known, and extra has another value for it.", path=where)
        extra[name] = value
        warnings.append({"path": where, "message": "This field is not known; it is kept in extra."})
    if extra:
        told["extra"] = Raw(msgspec.json.encode(extra))
    return msgspec.json.encode(told), warnings


def _same(one: Raw, other: Raw) -> bool:
    try:
        return same_json(bytes(one), bytes(other))
    except (msgspec.DecodeError, RecursionError, ValueError):  # what cannot be read is refused when it is checked
        return False


def _known_step_fields(raw: bytes) -> tuple[dict[str, Raw] | Raw, dict[str, Raw]]:
    """A step without the fields that we do not know, and those; a step that is no object as it is."""
    if not raw.startswith(b"{"):
        return Raw(raw), {}
    step = _as_object(raw)
    strange = {name: step.pop(name) for name in list(step) if name not in Step.__struct_fields__}
    return step, strange


def readable_refusal(source: bytes) -> str:
    """A refused document as it may be kept: whole, redacted, and without what PostgreSQL's text cannot hold.

    One that is refused for its size is not kept: to take it apart would cost what the limit is there to save.
    """
    if len(source) > limits().document_bytes:
        return f"(a document of {len(source)} bytes, more than are taken)"
    try:
        return encode_exact(_without_secrets(decode_exact(source))).decode()
    except (msgspec.DecodeError, RecursionError, ValueError):
        return f"(a document of {len(source)} bytes that cannot be read, and so not be searched for secrets)"


def _without_secrets(value: Any) -> Any:
    match value:
        case str():
            return clean_text(value)
        case list():
            return [_without_secrets(item) for item in value]
        case dict():
            kept = {}
            for name, item in value.items():
                secret, mark = redactor().under(name, item)
                kept[clean_text(name)] = mark if secret else _without_secrets(item)
            return kept
    return value


ATTEMPT_DECODER: Final = msgspec.json.Decoder(AttemptDocument)
