"""What the client package sends of its journal is what is noted of it."""

import uuid
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from actionlog_client.delivery.documents import documents_of
from actionlog_client.delivery.requests import Report, facts_json, request_body
from actionlog_client.journal.entries import Weight
from actionlog_client.journal.reader import JournalReader
from actionlog_client.tests.journals import append, directory
from engines.queries import read_instance
from engines.tests.reports import outcomes
from resolutions.ingest import ingest_json

pytestmark = pytest.mark.django_db


def test_a_journal_is_told_by_the_client_and_known_by_the_server(tmp_path: Path) -> None:
    journal = directory(tmp_path).begin(engine="resolver", engine_version="2.1", client_version="0.1")
    first, second = str(uuid.uuid4()), str(uuid.uuid4())
    for record_id in (first, second, first):
        append(journal, Weight.START, record_id)
    append(journal, Weight.STEP, second)
    append(journal, Weight.OUTCOME, first)
    batch = JournalReader(journal.folder, "delivered").read(100, 2**20)
    assert batch is not None
    documents = documents_of(batch.entries)
    report = Report(facts_json(journal.facts), written=7, refused=[(6, 6)])
    heartbeat = msgspec.json.encode({"attempt_id": second})
    answer = ingest_json(request_body(documents, report, [("attempt", heartbeat)]))
    assert outcomes(answer)[:2] == ["created", "created"]
    assert answer["journal"] == {"journal_id": str(journal.journal_id), "outcome": "taken", "error": None}

    told = read_instance(journal.journal_id)
    assert told is not None
    assert (told.engine, told.engine_version, told.client_version) == ("resolver", "2.1", "0.1")
    assert (told.host, told.process_id) == (journal.facts.host, journal.facts.process_id)
    assert (told.written, told.stored, told.missing_numbers, told.refused_numbers) == (7, 5, [(7, 7)], [(6, 6)])
    assert told.started_at is not None
    assert abs((told.started_at - datetime.now(UTC)).total_seconds()) < 60

    closing = Report(facts_json(journal.facts), written=7, refused=[(6, 7)], closed=True)
    assert ingest_json(request_body([], closing))["journal"]["outcome"] == "taken"
    told = read_instance(journal.journal_id)
    assert told is not None
    assert (told.state, told.missing, told.refused) == ("closed", 0, 2)
