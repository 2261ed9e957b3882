"""Which pattern a failure belongs to: the one that owns its fingerprint, the one it is alike, or a new one.

Pure but for the index, which keeps the patterns: in memory here, for benchmarks and tests; in the database while
recording (stored.py).
"""

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol
from uuid import UUID

from analytics.patterns.templates import pattern_key, widen
from attempts.fingerprint import VERSION, digest, masked_message


class Unseen(NamedTuple):
    """A failure whose fingerprint no pattern owns yet. What was not told is the empty text."""

    key: UUID
    fingerprint: UUID
    version: int
    action_type: str
    error_type: str
    masked: str


class PatternIndex(Protocol):
    """The known patterns. No answer changes later: a pattern is widened, but keeps its fingerprints and its key."""

    def owner(self, fingerprint: UUID) -> UUID | None:
        """The pattern that owns this fingerprint."""

    def alike(self, key: UUID) -> UUID | None:
        """The pattern of this key."""

    def found(self, failure: Unseen) -> UUID:
        """A new pattern, which owns the failure's key and fingerprint."""

    def join(self, pattern_id: UUID, failure: Unseen) -> None:
        """The pattern owns this fingerprint too, and its template is widened by the masked message."""


def pattern_of(index: PatternIndex, action_type: str, error_type: str | None, error_message: str | None) -> UUID:
    """The id of the pattern that this failure belongs to, from now on if it is new. Any failure has one."""
    masked = masked_message(error_message)
    fingerprint = digest(action_type, error_type or "", masked)
    owner = index.owner(fingerprint)
    if owner is not None:
        return owner
    return place(index, unseen(fingerprint, VERSION, action_type, error_type, masked))


def unseen(fingerprint: UUID, version: int, action_type: str | None, error_type: str | None, masked: str) -> Unseen:
    """The failure of a fingerprint that no pattern owns, with the key by which its pattern is found."""
    key = pattern_key(action_type or "", error_type, masked)
    return Unseen(key, fingerprint, version, action_type or "", error_type or "", masked)


def place(index: PatternIndex, failure: Unseen) -> UUID:
    """The pattern that this fingerprint belongs to from now on: the one it is alike, or a new one."""
    pattern_id = index.alike(failure.key)
    if pattern_id is None:
        return index.found(failure)
    index.join(pattern_id, failure)
    return pattern_id


@dataclass
class MemoryIndex:
    """Patterns in this process only. The key of a pattern is its id, so that any two that see the same agree."""

    templates: dict[UUID, str] = field(default_factory=dict)
    owners: dict[UUID, UUID] = field(default_factory=dict)

    def owner(self, fingerprint: UUID) -> UUID | None:
        return self.owners.get(fingerprint)

    def alike(self, key: UUID) -> UUID | None:
        return key if key in self.templates else None

    def found(self, failure: Unseen) -> UUID:
        self.templates[failure.key] = failure.masked
        self.owners[failure.fingerprint] = failure.key
        return failure.key

    def join(self, pattern_id: UUID, failure: Unseen) -> None:
        self.templates[pattern_id] = widen(self.templates[pattern_id], failure.masked)
        self.owners[failure.fingerprint] = pattern_id
