"""Ingest requests with a journal, for tests: sent the way the write door decodes and records them."""

import uuid
from typing import Any

from msgspec.json import encode as encode_json

from access.keys import Key
from engines.models import EngineJournal
from engines.numbers import Ranges

Json = dict[str, Any]
JOURNAL_ID = uuid.UUID("0190d3a5-4000-7a11-9c1d-0e1f2a3b4c5d")


def attempt(**facts: Any) -> Json:
    return {"attempt_id": str(uuid.uuid4()), "action_id": "a", "action_type": "restart", "incident_id": "inc", **facts}


def request(attempts: list[tuple[Json, list[list[int]]]], written: int = 9, **told: Any) -> Json:
    """An ingest request of attempts, each with the ranges of numbers that it carries."""
    numbers = {"action_attempts": [ranges for _, ranges in attempts]}
    journal = {"journal_id": str(JOURNAL_ID), "written": written, "engine": "resolver", "numbers": numbers, **told}
    return {"action_attempts": [document for document, _ in attempts], "journal": journal}


def send(body: Json, key: Key | None = None) -> Json:
    """The answer of the write door."""
    from resolutions.decoding import decode_ingest
    from resolutions.ingest import answer_of, ingest

    submissions = decode_ingest(encode_json(body), key)
    return answer_of(submissions, ingest(submissions))


def noted() -> tuple[int, Ranges, Ranges]:
    """What is written, stored and refused of the one journal."""
    journal = EngineJournal.objects.get()
    return journal.written, journal.stored, journal.refused


def outcomes(answer: Json) -> list[str]:
    return [result["outcome"] for result in answer["results"]]
