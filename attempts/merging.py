"""The merge law: how a document is merged into what is stored. Pure functions; nothing here reads or writes.

Over documents that do not conflict the law is commutative, associative and idempotent:
- a field not told takes the value that arrives; the same value again is no change; another value is a Conflict;
- status moves forward only, and two different final outcomes are a Conflict;
- extra merges by key;
- changeable fields (of resolution attempts alone): the later version wins, then the larger canonical value.
What is merged is never changed in place: the stored struct comes back itself when nothing new was told.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct
from msgspec.json import encode as encode_json

from attempts.canonical import canonical_json, same_json
from attempts.records import FINAL_STATUSES, NOT_TOLD, AttemptFacts, Step
from attempts.validation import join

Stored = TypeVar("Stored", bound=Struct)

SHOWN_IN_MESSAGE = 80


class Conflict(Exception):
    """A document tells another value for a fact that is already known."""

    def __init__(self, name: str, path: str, known: object, told: object) -> None:
        self.field = name
        self.path = path
        self.message = f"{name} is already recorded as {_shown(known)}; this document says {_shown(told)}."
        super().__init__(self.message)


@dataclass(frozen=True, slots=True)
class Law:
    """Which fields are merged, and by which rule. Every field that no rule names is a fact."""

    fields: tuple[str, ...]
    status_ranks: Mapping[str, int] = field(default_factory=dict)
    # The field whose value is the version of a document, and the fields that follow it.
    version: str | None = None
    changeable: frozenset[str] = frozenset()


def _ranks(*groups: tuple[str, ...]) -> dict[str, int]:
    return {status: rank for rank, group in enumerate(groups) for status in group}


ATTEMPT_LAW = Law(
    fields=AttemptFacts.__struct_fields__, status_ranks=_ranks(("pending",), ("in_progress",), FINAL_STATUSES)
)
STEP_LAW = Law(fields=Step.__struct_fields__)


def merge(stored: Stored, told: Struct, law: Law, path: str = "") -> Stored:
    """What is known after a document. stored itself when it told nothing new. Raises Conflict.

    path is where the document stands in the request, for the conflict to name.
    """
    merged: Stored | None = None
    for name in law.fields:
        new = getattr(told, name)
        if new is None or new is NOT_TOLD or name in law.changeable or name == law.version:
            continue
        old = getattr(stored, name)
        if old is None or old is NOT_TOLD:
            value = new
        elif name == "status" and law.status_ranks:
            value = _merge_status(old, new, law, path)
        elif name == "extra":
            value = _merge_extra(old, new, path)
        elif _same(old, new):
            continue
        else:
            raise Conflict(name, join(path, name), old, new)
        if value is not old:
            merged = copy.copy(stored) if merged is None else merged
            setattr(merged, name, value)
    if law.version is not None:
        return _merge_changeable(merged or stored, told, law)
    return merged or stored


def merge_steps(stored: Mapping[int, Step], told: list[Step], path: str = "") -> dict[int, Step]:
    """The steps that a document adds to or tells more about, by sequence; the others are left out. Raises Conflict."""
    changed: dict[int, Step] = {}
    if not stored:  # as for every new attempt
        changed = {step.sequence: step for step in told if step.sequence is not None}
        if len(changed) == len(told):
            return changed
        changed = {}
    for position, step in enumerate(told):
        if step.sequence is None:
            raise ValueError("steps are numbered by validation before they are merged")
        known = changed.get(step.sequence) or stored.get(step.sequence)
        if known is None:
            changed[step.sequence] = step
            continue
        merged = merge(known, step, STEP_LAW, f"{join(path, 'logs')}[{position}]")
        if merged is not known:
            changed[step.sequence] = merged
    return changed


def first_version(document: Struct, law: Law) -> Raw:
    """The versions of a first document's changeable fields: {field: version}."""
    version: datetime | None = getattr(document, law.version or "")
    if version is None:
        return NOT_TOLD
    told = {name: version for name in sorted(law.changeable) if _is_told(getattr(document, name))}
    return Raw(encode_json(told)) if told else NOT_TOLD


def _merge_status(old: str, new: str, law: Law, path: str) -> str:
    old_rank, new_rank = law.status_ranks[old], law.status_ranks[new]
    if old != new and old_rank == new_rank:
        raise Conflict("status", join(path, "status"), old, new)
    return new if new_rank > old_rank else old


def _merge_extra(old: Raw, new: Raw, path: str) -> Raw:
    known: dict[str, Raw] = msgspec.json.decode(old, type=dict[str, Raw])
    added: dict[str, Raw] = {}
    for name, value in msgspec.json.decode(new, type=dict[str, Raw]).items():
        if bytes(value) == b"null":
            continue
        if name not in known:
            added[name] = value
        elif not same_json(bytes(known[name]), bytes(value)):
            raise Conflict(name, join(path, f"extra.{name}"), known[name], value)
    return Raw(encode_json({**known, **added})) if added else old


def _merge_changeable(stored: Stored, told: Struct, law: Law) -> Stored:
    """Each changeable field with the version that told it: the pair is a maximum, so order does not matter."""
    version: datetime | None = getattr(told, law.version or "")
    raw: Raw = stored.versions  # type: ignore[attr-defined]
    versions: dict[str, datetime] = {} if raw is NOT_TOLD else msgspec.json.decode(raw, type=dict[str, datetime])
    before = dict(versions)
    changes: dict[str, Any] = {}
    for name in law.changeable:
        new, old = getattr(told, name), getattr(stored, name)
        if not _is_told(new):
            continue
        if not _is_told(old) or _comes_later(new, version, old, versions.get(name)):
            changes[name] = new
            if version is None:
                versions.pop(name, None)
            else:
                versions[name] = version
        elif version is not None and _same(old, new) and (name not in versions or versions[name] < version):
            versions[name] = version
    latest: datetime | None = getattr(stored, law.version or "")
    if version is not None and (latest is None or latest < version):
        changes[law.version or ""] = version
    if versions != before:
        changes["versions"] = Raw(encode_json(dict(sorted(versions.items()))))
    return msgspec.structs.replace(stored, **changes) if changes else stored


def _comes_later(new: Any, version: datetime | None, old: Any, known_version: datetime | None) -> bool:
    if version != known_version:
        return known_version is None or (version is not None and version > known_version)
    return not _same(old, new) and _order(new) > _order(old)


def _order(value: Any) -> tuple[float, str]:
    """A total order over the canonical values of one field: numbers by size, all else by their text."""
    if isinstance(value, float | int):
        return float(value), ""
    return 0.0, canonical_json(bytes(value)) if isinstance(value, Raw) else str(value)


def _is_told(value: Any) -> bool:
    return value is not None and value is not NOT_TOLD


def _same(old: Any, new: Any) -> bool:
    if isinstance(old, Raw):
        return same_json(bytes(old), bytes(new))
    # One field has one type, so true never meets 1 here; aware times are equal when their instants are.
    return bool(old == new)


def _shown(value: object) -> str:
    text = (
        bytes(value).decode() if isinstance(value, Raw) else value.isoformat() if isinstance(value, datetime) else value
    )
    shown = str(text)
    return repr(shown if len(shown) <= SHOWN_IN_MESSAGE else shown[:SHOWN_IN_MESSAGE] + "…")
