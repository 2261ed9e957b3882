"""What is read about attempts and their steps, for API, pages and feed alike. Nothing here writes."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

import msgspec
from django.db.models import Q, QuerySet

from attempts.details import AttemptDetail, StepDetail, detail_of_attempt, detail_of_step
from attempts.models import ActionAttempt, ActionLog
from attempts.records import FINAL_STATUSES
from attempts.row_json import RowJson, texts_within
from attempts.rows import AttemptRow, StepRow

IN_TIME_ORDER: Final = ("effective_started_at", "attempt_id")

_told_in_progress = Q(status__isnull=True) | Q(status="in_progress")
# What each status asks for. Whoever went silent is "abandoned", and no longer counted as pending or in progress.
STATUS_CONDITIONS: Final[dict[str, Q]] = {
    "pending": Q(status="pending", abandoned_at__isnull=True),
    "in_progress": _told_in_progress & Q(abandoned_at__isnull=True),
    "abandoned": (_told_in_progress | Q(status="pending")) & Q(abandoned_at__isnull=False),
    **{status: Q(status=status) for status in FINAL_STATUSES},
}

_attempt_row = msgspec.json.Decoder(AttemptRow)
_step_row = msgspec.json.Decoder(StepRow)


def attempt_detail(attempt_id: UUID) -> AttemptDetail | None:
    """One attempt with its steps, or None. Two queries."""
    found = attempt_details([attempt_id], with_steps=True)
    return found[0] if found else None


def attempt_details(ids: Iterable[UUID], *, with_steps: bool = False) -> list[AttemptDetail]:
    """The attempts of these ids that exist, in time order. One query, two with steps, none for no ids."""
    wanted = list(ids)
    if not wanted:
        return []
    return read_attempts(ActionAttempt.objects.filter(pk__in=wanted).order_by(*IN_TIME_ORDER), with_steps=with_steps)


def read_attempts(attempts: "QuerySet[ActionAttempt]", *, with_steps: bool = False) -> list[AttemptDetail]:
    """The details of a queryset, in its order. One query, two with steps."""
    rows = [_attempt_row.decode(text) for text in attempts.values_list(RowJson(), flat=True)]
    if not with_steps:
        return [detail_of_attempt(row) for row in rows]
    steps = steps_of(row.attempt_id for row in rows)
    return [detail_of_attempt(row, steps.get(row.attempt_id, [])) for row in rows]


def read_attempts_within(attempts: "QuerySet[ActionAttempt]", *, max_bytes: int) -> tuple[list[AttemptDetail], bool]:
    """The first details of a queryset, without steps, and whether they are all: see texts_within. One query."""
    texts, complete = texts_within(attempts, max_bytes)
    return [detail_of_attempt(_attempt_row.decode(text)) for text in texts], complete


def steps_of(ids: Iterable[UUID]) -> dict[UUID, list[StepDetail]]:
    """The steps of many attempts by attempt, each list by sequence. Attempts without steps are not in it. One query."""
    wanted = list(ids)
    steps: dict[UUID, list[StepDetail]] = {}
    if not wanted:
        return steps
    found = ActionLog.objects.filter(attempt_id__in=wanted).order_by("attempt_id", "sequence")
    for attempt_id, text in found.values_list("attempt_id", RowJson()):
        steps.setdefault(attempt_id, []).append(detail_of_step(_step_row.decode(text)))
    return steps


def retries_of(attempt: AttemptDetail) -> list[AttemptDetail]:
    """The attempts of the same incident that retry this one, in time order. One query."""
    retries = ActionAttempt.objects.filter(incident_id=attempt.incident_id, retry_of=attempt.attempt_id)
    return read_attempts(retries.order_by(*IN_TIME_ORDER))
