"""How verdicts are read, by API and pages alike. Nothing here writes."""

from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from django.db.models import QuerySet
from msgspec import Struct

from attempts.models import ActionAttempt
from attempts.records import VerdictValue
from resolutions.models import ResolutionAttempt, Verdict
from resolutions.verdicts.documents import Source

# What verdicts are given on: the name of the column that names it.
Subject = Literal["attempt", "resolution"]
SHOWN: Final = 50  # verdicts of one thing on a page


class VerdictDetail(Struct):
    """A verdict. Of attempt_id and resolution_id one is null. given_by: the name of a user or of an API key."""

    verdict_id: UUID
    attempt_id: UUID | None
    resolution_id: UUID | None
    verdict: VerdictValue
    source: Source
    given_at: datetime
    given_by: str
    note: str
    received_at: datetime


def read_verdicts(verdicts: "QuerySet[Verdict]") -> list[VerdictDetail]:
    """The verdicts of a queryset, in its order. One query."""
    return [VerdictDetail(*row) for row in verdicts.values_list(*VerdictDetail.__struct_fields__)]


def verdicts_on(subject: Subject, record_id: UUID) -> "QuerySet[Verdict]":
    """The verdicts on one attempt or resolution attempt, in no order."""
    return Verdict.objects.filter(**{f"{subject}_id": record_id})


def latest_verdicts_on(subject: Subject, record_id: UUID) -> list[VerdictDetail]:
    """The verdicts on one thing, the one that counts first; the first SHOWN of them. One query."""
    return read_verdicts(verdicts_on(subject, record_id).order_by("-given_at", "-verdict_id")[:SHOWN])


def exists(subject: Subject, record_id: UUID) -> bool:
    """Whether there is such an attempt or resolution attempt. One query."""
    model = ActionAttempt if subject == "attempt" else ResolutionAttempt
    return model._default_manager.filter(pk=record_id).exists()
