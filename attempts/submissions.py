"""A document on its way into the record, from its decoding to its outcome."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

from msgspec.json import encode as encode_json

from access.keys import Key

Kind = Literal["action_attempt", "resolution_attempt", "journal"]
Outcome = Literal[
    "created", "updated", "unchanged", "taken", "conflict", "rejected", "not_found", "forbidden", "unauthorized"
]
TAKEN = ("created", "updated", "unchanged", "taken")

Document = TypeVar("Document")


@dataclass(slots=True)
class Submission(Generic[Document]):
    """One document, who sends it, and what became of it.

    document is None for one that could not be decoded; refused_text then is its (redacted) JSON. existing_only: the
    document adds to a record that must be known already, and takes its identities from there. journal: the report of
    the journal that it was sent from, itself a submission (of the kind "journal"), and the numbers that it carries of
    it.
    """

    kind: Kind
    document: Document | None
    key: Key | None = None
    existing_only: bool = False
    path: str = ""
    told_id: str | None = None
    refused_text: str | None = None
    warnings: list[dict[str, str]] = field(default_factory=list)
    outcome: Outcome | None = None
    error: dict[str, Any] | None = None
    journal: "Submission[Any] | None" = None
    numbers: Sequence[tuple[int, int]] = ()

    def refuse(
        self, outcome: Outcome, code: str, message: str, *, path: str | None = None, name: str | None = None
    ) -> None:
        self.outcome = outcome
        self.error = {"code": code, "message": message, "field": name, "path": path}

    def discard(self, message: str, *, code: str = "invalid") -> None:
        """Reject a document that the database itself refuses, or that meets a fault of ours (code "internal"). Its
        text is kept, and it is not tried again here."""
        self.refused_text = encode_json(self.document).decode()
        self.told_id = self.id()
        self.document = None
        self.refuse("rejected", code, message, path=self.path)

    def take(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.error = None

    def result(self) -> dict[str, Any]:
        """What became of the document, as answers tell it."""
        return {"id": self.id(), "outcome": self.outcome, "error": self.error, "warnings": self.warnings}

    @property
    def key_id(self) -> int | None:
        return None if self.key is None else self.key.id

    def id(self) -> str | None:
        """The document's id as text, as far as it is known."""
        found: UUID | None = getattr(self.document, _NOUNS[self.kind][1], None)
        return self.told_id if found is None else str(found)


def may_write(submission: Submission[Any], row: Any | None) -> bool:
    """Whether the sender may add to this record, None for a new one; it is told when not.

    A key that is bound to an engine writes the records of that engine alone, and tells that engine for a new one.
    """
    if row is None and submission.existing_only:
        noun, id_field = _NOUNS[submission.kind]
        submission.refuse("not_found", "not_found", f"No such {noun}; send the start of it first.", name=id_field)
        return False
    engine = submission.key.engine if submission.key else None
    if engine is None or submission.document is None:
        return True
    if submission.document.engine is None and row is None:
        submission.document.engine = engine
    told = row.engine if row is not None else submission.document.engine
    if told == engine and submission.document.engine in (None, engine):
        return True
    submission.refuse(
        "forbidden", "forbidden", f"This key writes only the records of the engine {engine!r}.", name="engine"
    )
    return False


_NOUNS = {
    "action_attempt": ("action attempt", "attempt_id"),
    "resolution_attempt": ("resolution attempt", "resolution_id"),
    "journal": ("journal", "journal_id"),
}
