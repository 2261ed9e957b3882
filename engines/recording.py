"""The only writer of journals: notes what an engine instance reports, and what became of the numbers it sent.

It works inside the recording transaction (resolutions.ingest), because a number that is said to be stored is stored:
it is noted together with the record or not at all.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg
from msgspec.json import encode as encode_json

from attempts.storage import execute
from attempts.submissions import TAKEN, Submission
from engines.numbers import ranges_text
from engines.records import JournalReport, Range

JournalSubmission = Submission[JournalReport]

# What is refused may come again in other documents, and is then stored; what is stored stays so.
_NOTE: Final = """
    INSERT INTO engine_journals AS known (journal_id, engine, engine_version, client_version, host, process_id,
                                          started_at, first_heard_at, last_heard_at, closed_at, written, stored,
                                          refused, recorded_by)
    SELECT journal_id, engine, engine_version, client_version, host, process_id, started_at, first_heard_at,
           last_heard_at, closed_at, written, stored, refused - stored, recorded_by
    FROM json_populate_recordset(NULL::engine_journals, %s::json)
    ON CONFLICT (journal_id) DO UPDATE SET
        engine_version = coalesce(EXCLUDED.engine_version, known.engine_version),
        client_version = coalesce(EXCLUDED.client_version, known.client_version),
        host = coalesce(EXCLUDED.host, known.host),
        process_id = coalesce(EXCLUDED.process_id, known.process_id),
        started_at = coalesce(EXCLUDED.started_at, known.started_at),
        last_heard_at = greatest(known.last_heard_at, EXCLUDED.last_heard_at),
        closed_at = coalesce(known.closed_at, EXCLUDED.closed_at),
        written = greatest(known.written, EXCLUDED.written),
        stored = known.stored + EXCLUDED.stored,
        refused = (known.refused + EXCLUDED.refused) - (known.stored + EXCLUDED.stored)
    WHERE EXCLUDED.engine IS NULL OR known.engine = EXCLUDED.engine
    RETURNING journal_id
"""


@dataclass(slots=True)
class _Account:
    """What one transaction tells of one journal."""

    row: dict[str, Any]
    stored: list[Range] = field(default_factory=list)
    refused: list[Range] = field(default_factory=list)
    reports: list[JournalSubmission] = field(default_factory=list)

    def add_report(self, submission: JournalSubmission, report: JournalReport, now: datetime) -> None:
        self.reports.append(submission)
        self.refused.extend(report.refused)
        told = {name: getattr(report, name) for name in _FACTS}
        self.row |= {name: value for name, value in told.items() if value is not None}
        self.row["written"] = max(self.row["written"], report.written)
        if report.closed:
            self.row["closed_at"] = now


_FACTS: Final = ("engine", "engine_version", "client_version", "host", "process_id", "started_at")


class NotedJournals:
    """The journals that one statement notes. Whether each was, is known once its answer has come."""

    def __init__(self, accounts: Iterable[_Account]) -> None:
        self._accounts = sorted(accounts, key=lambda account: account.row["journal_id"].int)
        rows = [
            account.row | {"stored": ranges_text(account.stored), "refused": ranges_text(account.refused)}
            for account in self._accounts
        ]
        self._answer: psycopg.Cursor[tuple[Any, ...]] = execute(_NOTE, [encode_json(rows).decode()])

    def tell(self) -> None:
        """Tell each report its outcome. Waits for the statement's answer where it is not there yet."""
        noted = {journal_id for (journal_id,) in self._answer.fetchall()}
        for account in self._accounts:
            for report in account.reports:
                if account.row["journal_id"] in noted:
                    report.take("taken")
                else:
                    _belongs_to_another_engine(report)


def note_journals(submissions: Iterable[Submission[Any]], *, now: datetime) -> NotedJournals | None:
    """Note what these report of their journals, and the numbers that they carry by what became of each.

    submissions are documents that know their outcome, and reports; a document brings the report that it was sent with.
    Returns None when there is nothing to note. Raises django.db.Error when the database refuses.
    """
    accounts: dict[UUID, _Account] = {}
    # The account of each report by its identity: several requests may report of one journal.
    by_report: dict[int, _Account | None] = {}
    for submission in submissions:
        report = submission if submission.kind == "journal" else submission.journal
        if report is None or report.document is None:
            continue
        if id(report) not in by_report:
            by_report[id(report)] = _account_of(report, report.document, accounts, now)
        account = by_report[id(report)]
        if account is not None and submission is not report:
            numbers = account.stored if submission.outcome in TAKEN else account.refused
            numbers.extend(submission.numbers)
    return NotedJournals(accounts.values()) if accounts else None


def _account_of(
    submission: JournalSubmission, report: JournalReport, accounts: dict[UUID, _Account], now: datetime
) -> _Account | None:
    """The account to which this report and its documents are put down; None, and it is told, when it may not be."""
    account = accounts.get(report.journal_id)
    if account is None:
        row = {
            **dict.fromkeys(_FACTS),
            "journal_id": report.journal_id,
            "first_heard_at": now,
            "last_heard_at": now,
            "closed_at": None,
            "written": 0,
            "recorded_by": submission.key_id,
        }
        account = accounts[report.journal_id] = _Account(row)
    elif report.engine is not None and report.engine != account.row["engine"]:
        _belongs_to_another_engine(submission)
        return None
    account.add_report(submission, report, now)
    return account


def _belongs_to_another_engine(submission: JournalSubmission) -> None:
    submission.refuse(
        "forbidden",
        "forbidden",
        "This journal belongs to another engine, so its numbers were not noted. Each process needs a journal of its "
        "own, with an id that is used by no other.",
        path="journal.engine",
        name="engine",
    )
