"""What a session's attempts add up to, beside what its engine told in its summary. Pure; nothing here reads.

The definitions are those of the client (actionlog_client/resolution.py): attempted is what ran and came to an end,
retries included; skipped is counted apart; what is open or lost contact is not counted, since how it ended is unknown.
An engine that asks whether the incident is over tells overall_success by that (overall_success_means "incident_over"),
which the attempts cannot bear out or refute: it is compared only where the summary names no such rule.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final
from uuid import UUID

import msgspec
from msgspec import Meta, Raw, Struct

from attempts.details import AttemptDetail
from attempts.records import OPEN_STATUSES

Figure = Annotated[Raw, Meta(extra_json_schema={"type": ["number", "boolean"]})]


class ComputedSummary(Struct, frozen=True, kw_only=True):
    """The attempts of a session by how they ended. overall_success: something ran, and of each action (each action_id)
    the attempt that ended last is a success; not compared where the engine means another thing by it, and says so in
    overall_success_means."""

    actions_attempted: int
    actions_successful: int
    actions_failed: int
    actions_skipped: int
    actions_cancelled: int
    overall_success: bool


class SummaryDifference(Struct, frozen=True):
    """A figure of the summary that the attempts on record do not bear out."""

    field: str
    told: Figure
    computed: int | bool


class _Told(Struct, frozen=True):
    """The figures in a summary. What is no figure of ours is not looked at."""

    actions_attempted: Raw = Raw()
    actions_successful: Raw = Raw()
    actions_failed: Raw = Raw()
    actions_skipped: Raw = Raw()
    actions_cancelled: Raw = Raw()
    overall_success: Raw = Raw()
    overall_success_means: Raw = Raw()


BY_ATTEMPTS: Final = (b"", b"null", b'"attempts"')
"""What overall_success_means is where it means what it means here."""

_told: Final = msgspec.json.Decoder(_Told)


def computed_summary(attempts: Iterable[AttemptDetail]) -> ComputedSummary:
    """The summary of these attempts, in whatever order they come."""
    counts = dict.fromkeys(("success", "failed", "skipped", "cancelled"), 0)
    ran = []
    for attempt in attempts:
        if attempt.status in OPEN_STATUSES:
            continue
        counts[attempt.status] += 1
        if attempt.status != "skipped":
            ran.append(attempt)
    return ComputedSummary(
        actions_attempted=len(ran),
        actions_successful=counts["success"],
        actions_failed=counts["failed"],
        actions_skipped=counts["skipped"],
        actions_cancelled=counts["cancelled"],
        overall_success=bool(ran) and all(attempt.status == "success" for attempt in _last_of_each_action(ran)),
    )


def told_figures(summary: Raw) -> dict[str, Raw]:
    """The figures that the engine told in its summary, by name: counts that are numbers, overall_success if yes or no.

    An engine may use these names for something else, such as a list of actions, or tell overall_success by another
    rule; that is not compared.
    """
    told = _told.decode(summary)
    means_the_same = bytes(told.overall_success_means) in BY_ATTEMPTS
    found = {}
    for name in ComputedSummary.__struct_fields__:
        figure: Raw = getattr(told, name)
        text = bytes(figure)
        by_attempts = means_the_same and text in (b"true", b"false")
        if by_attempts if name == "overall_success" else is_number(text):
            # A copy: the original would keep the whole summary in memory.
            found[name] = figure.copy()
    return found


def summary_differences(summary: Raw, computed: ComputedSummary) -> list[SummaryDifference]:
    """Where what was told differs from what is on record. What was not told is not compared."""
    return [
        SummaryDifference(name, told, getattr(computed, name))
        for name, told in told_figures(summary).items()
        if not _is_same(told, getattr(computed, name))
    ]


def is_number(value: bytes) -> bool:
    """Whether a JSON value is one; not what is missing, which is empty."""
    return value[:1].isdigit() or value[:1] == b"-"


def _is_same(told: Raw, computed: int | bool) -> bool:
    if isinstance(computed, bool):
        return (bytes(told) == b"true") == computed
    return Decimal(bytes(told).decode()) == computed


def _last_of_each_action(ran: list[AttemptDetail]) -> Iterable[AttemptDetail]:
    """A retry comes after what it tries again, whatever the clocks say; else the later end does."""
    tried_again = {attempt.retry_of for attempt in ran}

    def place(attempt: AttemptDetail) -> tuple[bool, datetime, UUID]:
        ended_at = attempt.completed_at or attempt.effective_started_at
        return attempt.attempt_id not in tried_again, ended_at, attempt.attempt_id

    return {attempt.action_id: attempt for attempt in sorted(ran, key=place)}.values()
