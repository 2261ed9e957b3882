"""Which pattern a failure belongs to: the one that owns its fingerprint, the one it is alike, or a new one.

Pure but for the index, which keeps the patterns: in memory here, for benchmarks and tests; in the database while
recording.
"""

from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from analytics.patterns.templates import pattern_key, widen
from attempts.fingerprint import digest, masked_message


class PatternIndex(Protocol):
    """The known patterns. No answer changes later: a pattern is widened, but keeps its fingerprints and its key."""

    def owner(self, fingerprint: UUID) -> UUID | None:
        """The pattern that owns this fingerprint."""

    def alike(self, key: UUID) -> UUID | None:
        """The pattern of this key."""

    def found(self, key: UUID, fingerprint: UUID, template: str) -> UUID:
        """A new pattern. If another process was faster, the pattern that it founded."""

    def join(self, pattern_id: UUID, fingerprint: UUID, masked: str) -> None:
        """The pattern owns this fingerprint too, and its template is widened by the masked message."""


def pattern_of(index: PatternIndex, action_type: str, error_type: str | None, error_message: str | None) -> UUID:
    """The id of the pattern that this failure belongs to, from now on if it is new. Any failure has one."""
    masked = masked_message(error_message)
    fingerprint = digest(action_type, error_type or "", masked)
    owner = index.owner(fingerprint)
    if owner is not None:
        return owner
    key = pattern_key(action_type, error_type, masked)
    pattern_id = index.alike(key)
    if pattern_id is None:
        return index.found(key, fingerprint, masked)
    index.join(pattern_id, fingerprint, masked)
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

    def found(self, key: UUID, fingerprint: UUID, template: str) -> UUID:
        self.templates[key] = template
        self.owners[fingerprint] = key
        return key

    def join(self, pattern_id: UUID, fingerprint: UUID, masked: str) -> None:
        self.templates[pattern_id] = widen(self.templates[pattern_id], masked)
        self.owners[fingerprint] = pattern_id
