"""The recount of what is kept beside the facts: the latest verdict on each record, and what reopened its incident.

Both are worked out anew, compared with what is stored, and repaired by those who write them, so that rollups and feed
follow. The rollups have a recount of their own (analytics.rebuild), to be run after this one.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, NamedTuple
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from resolutions.incidents import repair_reopenings, sessions_of_incidents_begun, wrong_reopenings
from resolutions.ingest import Admission, publish
from resolutions.verdicts.details import Subject
from resolutions.verdicts.giving import NAMES, TABLES, follow

ROWS_A_FETCH: Final = 2000


class Difference(NamedTuple):
    """A record whose column is not what a recount finds. stored and right are texts for people."""

    record: Subject
    record_id: UUID
    column: str
    stored: str
    right: str

    def __str__(self) -> str:
        return f"{self.record} {self.record_id} {self.column}: stored {self.stored}, right {self.right}"


def recount(*, repair: bool, start: datetime | None = None, end: datetime | None = None) -> Iterator[Difference]:
    """What differs of the records that began from start up to end (None: all there are), in no order.

    With repair it is put right, each record in a transaction of its own.
    """
    first, last = start or datetime.min.replace(tzinfo=UTC), end or datetime.max.replace(tzinfo=UTC)
    for subject in NAMES:
        # All are found before the first is repaired: a cursor that is read on sees the rows as they were.
        for difference in list(_wrong_verdicts(subject, first, last)):
            if repair:
                with transaction.atomic():
                    Admission()
                    for row in TABLES[subject].lock([difference.record_id]):
                        follow(subject, row, now=timezone.now())
            yield difference
    yield from _reopenings(first, last, repair=repair)


def _wrong_verdicts(subject: Subject, start: datetime, end: datetime) -> Iterator[Difference]:
    id_name = f"{subject}_id"
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT record.{id_name}, record.verdict, record.verdict_at, latest.verdict, latest.given_at
            FROM {NAMES[subject]} AS record LEFT JOIN (
                SELECT DISTINCT ON ({id_name}) {id_name}, verdict, given_at FROM verdicts
                WHERE {id_name} IS NOT NULL ORDER BY {id_name}, given_at DESC, verdict_id DESC
            ) AS latest ON latest.{id_name} = record.{id_name}
            WHERE (record.verdict, record.verdict_at) IS DISTINCT FROM (latest.verdict, latest.given_at)
              AND record.effective_started_at >= %s AND record.effective_started_at < %s
            """,  # noqa: S608  # names of our own columns
            [start, end],
        )
        for record_id, verdict, verdict_at, right, right_at in cursor.fetchall():
            yield Difference(subject, record_id, "verdict", _text(verdict, verdict_at), _text(right, right_at))


def _reopenings(start: datetime, end: datetime, *, repair: bool) -> Iterator[Difference]:
    found: dict[str, list[Difference]] = {}
    for sessions in sessions_of_incidents_begun(start, end):
        wrong = wrong_reopenings(sessions)
        for row in sessions:
            # Others of the incident are for the recount of the span in which they began.
            if row.resolution_id in wrong and start <= row.effective_started_at < end:
                texts = _text(row.reopened_by, row.reopened_at), _text(*wrong[row.resolution_id])
                difference = Difference("resolution", row.resolution_id, "reopened_by", *texts)
                found.setdefault(str(row.incident_id), []).append(difference)
    for incident_id, differences in found.items():
        if repair:
            with transaction.atomic():
                Admission()
                changes = repair_reopenings(incident_id, {difference.record_id for difference in differences})
                publish(changes, [], now=timezone.now())
        yield from differences


def _text(value: object, at: datetime | None) -> str:
    return "nothing" if value is None or at is None else f"{value} of {at:%Y-%m-%dT%H:%M:%SZ}"
