"""The write door over HTTP: every route, every refused door, and every kind of bad input."""

import asyncio
import json
import random
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import override_settings

from access.keys import create_key, revoke_key
from access.models import ApiKey
from attempts.limits import limits
from attempts.models import ActionAttempt, ActionLog, Refusal
from resolutions.door import application
from resolutions.door.application import WriteDoor
from resolutions.models import ResolutionAttempt
from resolutions.tests.locking import held_table

pytestmark = pytest.mark.django_db(transaction=True)

Json = dict[str, Any]
PATIENCE_SECONDS = 60.0


async def nothing_beyond(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b"beyond"})


@pytest_asyncio.fixture
async def door() -> AsyncIterator[WriteDoor]:
    door = WriteDoor(nothing_beyond)
    yield door
    await door.close()


@sync_to_async
def a_key(**options: Any) -> tuple[ApiKey, str]:
    try:
        return create_key(**{"name": "test", "scopes": ["ingest"], **options})
    finally:
        connections.close_all()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.01)


@sync_to_async
def revoked(key: ApiKey) -> None:
    try:
        revoke_key(key=key)
    finally:
        connections.close_all()


@sync_to_async
def stored(query: Any) -> Any:
    try:
        return list(query)
    finally:
        connections.close_all()


@pytest_asyncio.fixture
async def client(door: WriteDoor) -> AsyncIterator[httpx.AsyncClient]:
    _, token = await a_key()
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=door),
        base_url="http://test",
        headers={"Authorization": f"Bearer {token}"},
    ) as client:
        yield client


def attempt(**facts: Any) -> Json:
    return {"attempt_id": str(uuid.uuid4()), "action_id": "a", "action_type": "restart", "incident_id": "inc", **facts}


async def test_an_attempt_is_started_stepped_completed_and_kept_alive(client: httpx.AsyncClient) -> None:
    document = attempt()
    address = f"/api/action-attempts/{document['attempt_id']}"
    started = await client.post("/api/action-attempts/", json=document)
    stepped = await client.post(f"{address}/logs/", json={"logs": [{"sequence": 0, "step": "validate"}]})
    alive = await client.post(f"{address}/heartbeat/")
    completed = await client.post(f"{address}/complete", json={"status": "success", "result": {"size": 10}})
    again = await client.post(f"{address}/complete/", json={"status": "success"})
    assert [answer.status_code for answer in (started, stepped, alive, completed, again)] == [201, 200, 200, 200, 200]
    assert [answer.json()["outcome"] for answer in (started, stepped, alive, completed, again)] == [
        "created",
        "updated",
        "unchanged",
        "updated",
        "unchanged",
    ]
    assert completed.json()["cursor"] > started.json()["cursor"]
    (row,) = await stored(ActionAttempt.objects.all())
    assert (row.action_id, row.status, row.result) == ("a", "success", {"size": 10})


async def test_a_resolution_is_opened_completed_and_kept_alive(client: httpx.AsyncClient) -> None:
    document = {"resolution_id": str(uuid.uuid4()), "incident_id": "inc", "severity": "high"}
    address = f"/api/resolution-attempts/{document['resolution_id']}"
    opened = await client.post("/api/resolution-attempts", json=document)
    alive = await client.post(f"{address}/heartbeat/", json={})
    completed = await client.post(f"{address}/complete/", json={"status": "resolved", "summary": {"actions": 2}})
    assert [answer.status_code for answer in (opened, alive, completed)] == [201, 200, 200]
    (row,) = await stored(ResolutionAttempt.objects.all())
    assert (row.status, row.summary) == ("resolved", {"actions": 2})


@pytest.mark.parametrize("verb", ["logs", "complete", "heartbeat"])
async def test_adding_to_an_unknown_attempt_is_404(client: httpx.AsyncClient, verb: str) -> None:
    body = {"logs": {"logs": [{"sequence": 0}]}, "complete": {"status": "failed"}, "heartbeat": {}}[verb]
    answer = await client.post(f"/api/action-attempts/{uuid.uuid4()}/{verb}/", json=body)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"
    assert await stored(ActionAttempt.objects.all()) == []


async def test_a_conflict_is_409_and_names_the_field(client: httpx.AsyncClient) -> None:
    document = attempt(status="failed")
    await client.post("/api/action-attempts/", json=document)
    answer = await client.post("/api/action-attempts/", json={**document, "status": "success"})
    assert answer.status_code == 409
    assert answer.json()["error"] == {
        "code": "conflict",
        "message": "status is already recorded as 'failed'; this document says 'success'.",
        "field": "status",
        "path": "status",
    }


async def test_ingest_answers_200_when_all_were_taken_and_207_when_some_were_not(client: httpx.AsyncClient) -> None:
    all_taken = await client.post("/api/ingest/", json={"action_attempts": [attempt()]})
    some_not = await client.post("/api/ingest", json={"action_attempts": [attempt(), attempt(status="done")]})
    assert (all_taken.status_code, some_not.status_code) == (200, 207)
    assert some_not.json()["results"][1]["error"]["path"] == "action_attempts[1].status"


async def test_reading_addresses_are_left_to_django(client: httpx.AsyncClient) -> None:
    for address in ("/api/action-attempts/", "/api/resolution-attempts/", f"/api/action-attempts/{uuid.uuid4()}/", "/"):
        assert (await client.get(address)).status_code == 418
    answer = await client.get("/api/ingest/")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


# --- refused doors


@pytest.mark.parametrize(
    ("header", "status"),
    [(None, 401), ("Basic YTpi", 401), ("Bearer", 401), ("Bearer alk_unknown", 401), ("Bearer \x7f", 401)],
)
async def test_without_an_active_key_nothing_is_written(
    client: httpx.AsyncClient, header: str | None, status: int
) -> None:
    del client.headers["Authorization"]
    headers = {} if header is None else {"Authorization": header}
    answer = await client.post("/api/ingest/", json={"action_attempts": [attempt()]}, headers=headers)
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == "unauthorized"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert await stored(ActionAttempt.objects.all()) == []


async def test_a_key_that_may_only_read_is_403(client: httpx.AsyncClient) -> None:
    _, token = await a_key(scopes=["read"])
    answer = await client.post("/api/ingest/", json={}, headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
    assert "ingest" in answer.json()["error"]["message"]


async def test_a_key_is_refused_from_the_moment_it_is_revoked(client: httpx.AsyncClient) -> None:
    key, token = await a_key()
    headers = {"Authorization": f"Bearer {token}"}
    assert (await client.post("/api/action-attempts/", json=attempt(), headers=headers)).status_code == 201
    await revoked(key)
    answer = await client.post("/api/action-attempts/", json=attempt(), headers=headers)
    assert answer.status_code == 401
    assert len(await stored(ActionAttempt.objects.all())) == 1


async def test_a_bound_key_is_403_for_another_engines_record(client: httpx.AsyncClient) -> None:
    _, token = await a_key(engine="alpha")
    headers = {"Authorization": f"Bearer {token}"}
    answer = await client.post("/api/action-attempts/", json=attempt(engine="beta"), headers=headers)
    assert (answer.status_code, answer.json()["error"]["field"]) == (403, "engine")


# --- bad input

HUGE = "9" * 30
ONE = attempt()


def with_fact(name: str, json_text: str) -> bytes:
    return (json.dumps(ONE)[:-1] + f', "{name}": {json_text}}}').encode()


BAD_DOCUMENTS = {
    "a time without offset": (with_fact("started_at", '"2026-01-01T00:00:00"'), "started_at"),
    "a time that is none": (with_fact("started_at", '"2026-02-30T00:00:00Z"'), "started_at"),
    "a time as a number": (with_fact("started_at", "1700000000"), "started_at"),
    "the year 1": (with_fact("completed_at", '"0001-01-01T00:00:00+14:00"'), "completed_at"),
    "the year 9999": (with_fact("completed_at", '"9999-12-31T23:59:59-14:00"'), "completed_at"),
    "the last second of 1969": (with_fact("started_at", '"1970-01-01T00:00:00+00:01"'), "started_at"),
    "a text for a number": (with_fact("confidence", '"high"'), "confidence"),
    "true for a number": (with_fact("confidence", "true"), "confidence"),
    "a number out of range": (with_fact("confidence", "1.01"), "confidence"),
    "a number beyond doubles": (with_fact("expected_seconds", "1e400"), "expected_seconds"),
    "a negative duration": (with_fact("execution_time_seconds", "-1"), "execution_time_seconds"),
    "an unknown status": (with_fact("status", '"done"'), "status"),
    "parameters that are no object": (with_fact("parameters", "[1]"), "parameters"),
    "extra that is no object": (with_fact("extra", '"x"'), "extra"),
    "an integer beyond 64 bits": (with_fact("parameters", f'{{"a": [1, {HUGE}]}}'), "parameters.a[1]"),
    "a number beyond doubles in free JSON": (with_fact("result", "[1e400]"), "result[0]"),
    "an exponent that no number has": (with_fact("result", "[1e99999999999999999999]"), "result"),
    "a text too long once its secret is marked": (
        with_fact("target", json.dumps("https://u:p@" + "h" * 243)),
        "target",
    ),
    "a number of too many digits": (with_fact("result", "0." + "1" * 500), "result"),
    "NaN": (with_fact("result", "NaN"), None),
    "invalid UTF-8": (with_fact("reason", "0").replace(b" 0}", b' "\xff"}'), None),
    "an id that is no UTF-8": (with_fact("reason", "0").replace(ONE["attempt_id"].encode(), b"\xff\xfe"), None),
    "a thousand levels": (with_fact("result", "[" * 1000 + "]" * 1000), None),
    "deep nesting": (with_fact("result", "[" * 101 + "]" * 101), "result"),
    "half a surrogate pair": (with_fact("reason", '"\\ud800"'), None),
    "a text too long": (with_fact("incident_type", json.dumps("x" * 256)), "incident_type"),
    "NUL in an identity": (with_fact("incident_id", '"a\\u0000b"'), "incident_id"),
    "an empty identity": (with_fact("action_id", '""'), "action_id"),
    "a null identity": (with_fact("incident_id", "null"), "incident_id"),
    "no uuid": (with_fact("resolution_id", '"abc"'), "resolution_id"),
    "no list of steps": (with_fact("logs", "{}"), "logs"),
    "a step that is none": (with_fact("logs", "[7]"), "logs[0]"),
    "a step with a negative sequence": (with_fact("logs", '[{"sequence": -1}]'), "logs[0].sequence"),
    "a step with a huge sequence": (with_fact("logs", f'[{{"sequence": {HUGE}}}]'), "logs[0].sequence"),
    "a step without its sequence": (with_fact("logs", '[{"step": "x"}]'), "logs[0].sequence"),
    "a step with a naive time": (
        with_fact("logs", '[{"sequence": 0, "timestamp": "2026-01-01T00:00:00"}]'),
        "logs[0].timestamp",
    ),
    "an integer beyond 64 bits in a step": (
        with_fact("logs", f'[{{"sequence": 0, "details": {HUGE}}}]'),
        "logs[0].details",
    ),
}


@pytest.mark.parametrize(("body", "path"), BAD_DOCUMENTS.values(), ids=BAD_DOCUMENTS.keys())
async def test_a_bad_document_is_a_4xx_that_names_the_path(
    client: httpx.AsyncClient, body: bytes, path: str | None
) -> None:
    answer = await client.post("/api/action-attempts/", content=body)
    assert answer.status_code in (400, 413)
    assert answer.json()["error"]["path"] == path
    together = b'{"action_attempts": [' + json.dumps(attempt()).encode() + b", " + body + b"]}"
    batch = await client.post("/api/ingest/", content=together)
    assert batch.status_code == 207
    assert [result["outcome"] for result in batch.json()["results"]] == ["created", "rejected"]
    where = "action_attempts[1]" if path is None else f"action_attempts[1].{path}"
    assert batch.json()["results"][1]["error"]["path"] == where
    assert len(await stored(ActionAttempt.objects.all())) == 1
    assert await stored(ActionLog.objects.all()) == []


BAD_REQUESTS = {
    "nothing": b"",
    "half of it": b'{"action_attempts": [{',
    "not JSON": b"hello",
    "a list": b"[]",
    "16 MB of []": b"[]" * (8 * 1024 * 1024 - 1),
    "NaN for a list": b'{"action_attempts": NaN}',
    "millions of levels": b'{"action_attempts": ' + b'["",' * 4_000_000,
    "a list twice": b'{"action_attempts": [], "action_attempts": []}',
    "a hundred thousand levels": b"[" * 100_000,
    "invalid UTF-8": b'{"\xff": []}',
    "an unknown list": b'{"actions": []}',
    "documents that are no list": b'{"action_attempts": {}}',
    "a million entries": b'{"action_attempts": [' + b"1," * 1_000_000 + b"1]}",
    "millions of empty lists": b'{"action_attempts": [' + b"[]," * 2_000_000 + b"[]]}",
}


@pytest.mark.parametrize("body", BAD_REQUESTS.values(), ids=BAD_REQUESTS.keys())
async def test_a_bad_request_is_a_4xx_and_writes_nothing(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/api/ingest/", content=body)
    assert answer.status_code in (400, 413)
    assert answer.json()["error"]["message"]
    assert await stored(ActionAttempt.objects.all()) == []
    assert await stored(Refusal.objects.all()) == []


async def test_a_request_beyond_the_limit_is_413_before_it_is_read(client: httpx.AsyncClient) -> None:
    too_large = b" " * (limits().request_bytes + 1)
    answer = await client.post("/api/ingest/", content=too_large)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")

    async def in_parts() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 1024 * 1024

    assert (await client.post("/api/ingest/", content=in_parts())).status_code == 413


async def test_a_document_beyond_its_limit_is_refused_and_the_others_are_not(client: httpx.AsyncClient) -> None:
    large = attempt(result="x" * limits().document_bytes)
    assert (await client.post("/api/action-attempts/", json=large)).status_code == 413
    answer = await client.post("/api/ingest/", json={"action_attempts": [attempt(), large]})
    assert [result["outcome"] for result in answer.json()["results"]] == ["created", "rejected"]
    assert answer.json()["results"][1]["error"]["code"] == "too_large"


async def test_a_compressed_body_is_415(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/ingest/", content=b"{}", headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 415


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "status"),
        ({"status": "in_progress"}, "status"),
        ({"status": "success", "attempt_id": str(uuid.uuid4())}, "attempt_id"),
        ({"status": 7}, "status"),
        ({"status": "success", "logs": [{"step": "last"}]}, "logs[0].sequence"),
    ],
)
async def test_a_completion_tells_a_final_status(client: httpx.AsyncClient, body: Json, path: str) -> None:
    document = attempt()
    await client.post("/api/action-attempts/", json=document)
    answer = await client.post(f"/api/action-attempts/{document['attempt_id']}/complete/", json=body)
    assert (answer.status_code, answer.json()["error"]["path"]) == (400, path)


async def test_steps_are_appended_with_their_sequence_only(client: httpx.AsyncClient) -> None:
    document = attempt()
    await client.post("/api/action-attempts/", json=document)
    address = f"/api/action-attempts/{document['attempt_id']}/logs/"
    bodies: list[Any] = [{"logs": [{"step": "x"}]}, {"steps": []}, [], {"logs": [], "status": "failed"}]
    for body in bodies:
        assert (await client.post(address, json=body)).status_code == 400
    kept = await client.post(address, json={"logs": [{"sequence": 0, "step": "x", "mood": "calm"}]})
    assert kept.status_code == 200
    assert kept.json()["warnings"][0]["path"] == "logs[0].mood"
    (row,) = await stored(ActionAttempt.objects.all())
    assert row.extra == {"logs[0].mood": "calm"}


async def test_what_is_stored_reads_back_as_sent_but_for_nul_and_secrets(client: httpx.AsyncClient) -> None:
    odd = {"ansi": "\x1b[31mred\x1b[0m", "nul": "a\0b", "emoji": "🚒", "max_tokens": 4096, "deep": [[[]]]}
    document = attempt(
        result=odd, reason="see https://bob:hunter2@example.org/ now", logs=[{"sequence": 0, "details": "text\0"}]
    )
    assert (await client.post("/api/action-attempts/", json=document)).status_code == 201
    (row,) = await stored(ActionAttempt.objects.all())
    assert row.result == {**odd, "nul": "a\ufffdb"}
    assert row.reason.startswith("see https://bob:[redacted:")
    (step,) = await stored(ActionLog.objects.all())
    assert step.details == "text\ufffd"
    assert (await client.post("/api/action-attempts/", json=document)).json()["outcome"] == "unchanged"


async def test_the_longest_texts_of_the_widest_characters_fit_every_index(client: httpx.AsyncClient) -> None:
    from attempts.records import AttemptFacts
    from attempts.validation import kinds_of

    alphabet = random.Random(1)  # nothing that PostgreSQL could compress
    names = [*kinds_of(AttemptFacts).identities, *kinds_of(AttemptFacts).short]
    longest = {name: "".join(chr(alphabet.randrange(0x10000, 0x2FFFF)) for _ in range(255)) for name in names}
    assert len(names) == 10
    document = {"attempt_id": str(uuid.uuid4()), **longest, "status": "failed", "error_type": longest["target"] * 20}
    assert (await client.post("/api/action-attempts/", json=document)).status_code == 201
    for name in names:
        answer = await client.post("/api/action-attempts/", json={**document, name: longest[name] + "x"})
        assert (answer.status_code, answer.json()["error"]["path"]) == (400, name)


async def test_megabytes_go_in_and_come_back(client: httpx.AsyncClient) -> None:
    """More than a socket's buffer holds, in one statement: a sender that only listens would wait for ever."""
    documents = [attempt(result="x" * 3_000_000, logs=[{"sequence": 0, "details": "y" * 2_000_000}]) for _ in range(3)]
    answer = await client.post("/api/ingest/", json={"action_attempts": documents})
    assert [result["outcome"] for result in answer.json()["results"]] == ["created"] * 3
    rows = await stored(ActionAttempt.objects.all())
    assert {len(row.result) for row in rows} == {3_000_000}


@pytest.mark.usefixtures("patient_recordings")
async def test_many_requests_at_once_are_each_told_their_own_outcome(
    client: httpx.AsyncClient, door: WriteDoor
) -> None:
    await client.post("/api/ingest/", json={})
    assert door._lanes is not None
    documents = [attempt(action_id=f"a{number}") for number in range(200)]
    with held_table():
        sending = [asyncio.create_task(client.post("/api/action-attempts/", json=document)) for document in documents]
        await until(lambda: door._lanes is not None and door._lanes.small.waiting >= 100)
    answers = await asyncio.gather(*sending)
    assert [answer.json()["id"] for answer in answers] == [document["attempt_id"] for document in documents]
    assert {answer.status_code for answer in answers} == {201}
    # Requests that wait share a transaction, so there are far fewer cursors than requests.
    assert len({answer.json()["cursor"] for answer in answers}) < 150


@pytest.mark.usefixtures("patient_recordings")
async def test_too_much_waiting_is_503_with_retry_after(client: httpx.AsyncClient, door: WriteDoor) -> None:
    await client.post("/api/ingest/", json={})
    assert door._lanes is not None
    door._lanes.small._capacity = 5
    bodies = [{"action_attempts": [attempt() for _ in range(4)]} for _ in range(12)]
    with held_table():
        sending = [asyncio.create_task(client.post("/api/ingest/", json=body)) for body in bodies]
        await until(lambda: sum(each.done() for each in sending) == 11)
    answers = await asyncio.gather(*sending)
    refused = [answer for answer in answers if answer.status_code == 503]
    assert all(answer.headers["retry-after"] for answer in refused)
    assert sorted(answer.status_code for answer in answers) == [200] + [503] * 11
    assert len(await stored(ActionAttempt.objects.all())) == 4


# --- bodies that do not come


class Upload:
    """A request of which only the beginning has been sent so far, straight into the ASGI application."""

    def __init__(self, door: WriteDoor, client: httpx.AsyncClient, *, declared: int, sent: bytes) -> None:
        self._messages: asyncio.Queue[Json] = asyncio.Queue()
        self._messages.put_nowait({"type": "http.request", "body": sent, "more_body": True})
        self._told: list[Json] = []
        headers = [
            (b"authorization", client.headers["authorization"].encode()),
            (b"content-length", str(declared).encode()),
        ]
        scope = {"type": "http", "method": "POST", "path": "/api/ingest/", "headers": headers}
        self.task = asyncio.ensure_future(door(scope, self._messages.get, self._tell))

    async def _tell(self, message: Any) -> None:
        self._told.append(message)

    def send(self, body: bytes, *, more: bool = False) -> None:
        self._messages.put_nowait({"type": "http.request", "body": body, "more_body": more})

    async def answer(self) -> tuple[int, dict[bytes, bytes], Json]:
        """(status, headers, body)"""
        await asyncio.wait_for(self.task, PATIENCE_SECONDS)
        return self._told[0]["status"], dict(self._told[0]["headers"]), json.loads(self._told[1]["body"])


async def test_uploads_that_send_nothing_cost_nobody_else_a_503(door: WriteDoor, client: httpx.AsyncClient) -> None:
    whole = json.dumps({"action_attempts": [attempt()]}).encode()
    idle = [Upload(door, client, declared=limits().request_bytes, sent=b"{") for _ in range(20)]
    await until(lambda: door._held == 20)
    assert (await client.post("/api/ingest/", content=whole)).status_code == 200
    large = Upload(door, client, declared=limits().request_bytes, sent=whole)
    large.send(b" " * (limits().request_bytes - len(whole)))
    assert (await large.answer())[0] == 200
    for upload in idle:
        upload.send(b"}")
    assert {(await upload.answer())[0] for upload in idle} == {200}
    assert door._held == 0


async def test_what_has_arrived_of_others_leaves_no_room(
    door: WriteDoor, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "HELD_BYTES", 1000)
    first = Upload(door, client, declared=1500, sent=b"{" + b" " * 899)
    await until(lambda: door._held == 900)
    declared = Upload(door, client, declared=101, sent=b"{")
    undeclared = Upload(door, client, declared=0, sent=b"{" + b" " * 100)
    for refused in (declared, undeclared):
        status, headers, _ = await refused.answer()
        assert (status, headers[b"retry-after"]) == (503, b"1")
    first.send(b" " * 599 + b"}")
    assert (await first.answer())[0] == 200, "one alone may be as large as its own limit"
    assert door._held == 0


async def test_a_body_that_does_not_arrive_in_time_is_408_and_the_connection_is_closed(
    client: httpx.AsyncClient,
) -> None:
    door = WriteDoor(nothing_beyond, receive_seconds=0.3)
    silent = Upload(door, client, declared=1000, sent=b"{")
    dripping = Upload(door, client, declared=1000, sent=b"{")
    while not dripping.task.done():
        dripping.send(b" ", more=True)
        await asyncio.sleep(0.01)
    for upload in (silent, dripping):
        status, headers, body = await upload.answer()
        assert (status, body["error"]["code"]) == (408, "request_timeout")
        assert headers[b"connection"] == b"close"
    assert door._held == 0
    await door.close()


@override_settings(ACTIONLOG_MAX_DOCUMENTS=3)
async def test_more_documents_than_the_limit_are_413(client: httpx.AsyncClient) -> None:
    limits.cache_clear()
    try:
        answer = await client.post("/api/ingest/", json={"action_attempts": [attempt() for _ in range(4)]})
    finally:
        limits.cache_clear()
    assert answer.status_code == 413
