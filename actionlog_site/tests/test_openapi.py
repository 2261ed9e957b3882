"""The OpenAPI schema is valid and true: every documented operation answers as it is documented, errors included."""

import asyncio
import copy
import json
import re
from collections.abc import AsyncIterator, Iterator
from functools import cache
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx
import psycopg
import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema
from jsonschema import Draft202012Validator, FormatChecker

from access.keys import create_key
from actionlog_site.asgi import django_application
from actionlog_site.tests.openapi_cases import (
    ATTEMPT,
    CASES,
    FINGERPRINTS,
    MERGED_PATTERN,
    OTHER_PATTERN,
    PATTERN,
    RESOLUTION,
    STORED,
    Case,
    content,
)
from analytics.tests.factories import make_pattern
from resolutions.door import recorder
from resolutions.door.application import WriteDoor
from resolutions.door.routes import find_route

LOST = 503
SLOW = 408
# The others are Django's to answer, also those that change something.
WRITE_DOOR = [key for key in CASES if key[0] == "post" and find_route(re.sub(r"\{\w+\}", ATTEMPT, key[1])) is not None]


@cache
def schema() -> dict[str, Any]:
    generated = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    made: dict[str, Any] = json.loads(json.dumps(generated))
    return made


def operations() -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method, path): operation
        for path, methods in schema()["paths"].items()
        for method, operation in methods.items()
    }


@cache
def closed_components() -> dict[str, Any]:
    """The components, with every property that is not documented forbidden, so that nothing unsaid is answered."""
    components = copy.deepcopy(schema()["components"])
    for component in components["schemas"].values():
        if component.get("properties"):
            component.setdefault("additionalProperties", False)
    return {"schemas": components["schemas"]}


def assert_documented(answer: httpx.Response | Any, operation: dict[str, Any]) -> None:
    documented = operation["responses"].get(str(answer.status_code))
    assert documented is not None, f"{answer.status_code} is not documented: {answer.content!r}"
    answer_schema = documented["content"]["application/json"]["schema"]
    validate(json.loads(answer.content), answer_schema)


def validate(value: Any, value_schema: dict[str, Any]) -> None:
    root = {**value_schema, "components": closed_components()}
    Draft202012Validator(root, format_checker=FormatChecker()).validate(value)


def test_the_schema_is_valid() -> None:
    validate_schema(schema())  # type: ignore[no-untyped-call]


def test_every_schema_in_it_is_valid_and_every_reference_leads_somewhere() -> None:
    for component in schema()["components"]["schemas"].values():
        Draft202012Validator.check_schema(component)
    names = set(schema()["components"]["schemas"])
    assert {reference.rpartition("/")[2] for reference in references(schema())} <= names


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_every_documented_operation_has_a_case_and_every_case_an_operation() -> None:
    assert set(operations()) == set(CASES)


def test_every_operation_says_who_may() -> None:
    assert all(operation["security"] for operation in operations().values())
    assert all({} not in operation["security"] for operation in operations().values())


@pytest.mark.parametrize("key", CASES, ids=" ".join)
def test_examples_and_bodies_that_are_taken_are_as_documented(key: tuple[str, str]) -> None:
    told = operations()[key].get("requestBody")
    if told is None:
        assert key[0] == "get"
        return
    media = told["content"]["application/json"]
    (example,) = [media["example"]] if "example" in media else [one["value"] for one in media["examples"].values()]
    validate(example, media["schema"])
    for case in CASES[key]:
        if case.status in (200, 201) and "colour" not in case.body:
            validate(case.body, media["schema"])


@pytest.fixture
async def http(transactional_db: None) -> AsyncIterator[httpx.AsyncClient]:
    """The site as it runs: the write door in front of Django."""
    door = WriteDoor(django_application)  # type: ignore[arg-type]
    transport = httpx.ASGITransport(door)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client
    await door.close()


@sync_to_async
def headers(*scopes: str) -> dict[str, str]:
    _, token = create_key(name="test", scopes=scopes)
    # This is another thread than the test's, and an open connection of it would keep the test database alive.
    connection.close()
    return {"Authorization": f"Bearer {token}"}


@sync_to_async
def store_patterns() -> None:
    first = make_pattern(*map(UUID, FINGERPRINTS), pattern_id=PATTERN)
    make_pattern(pattern_id=OTHER_PATTERN)
    make_pattern(pattern_id=MERGED_PATTERN, merged_into=first)
    connection.close()


async def send(
    http: httpx.AsyncClient, key: tuple[str, str], case: Case, headers: dict[str, str] | None = None
) -> httpx.Response:
    method, path = key
    for name, value in case.path.items():
        path = path.replace("{" + name + "}", quote(value, safe=""))
    return await http.request(method, path, params=case.query, content=content(case), headers=headers)


@pytest.mark.parametrize("key", CASES, ids=" ".join)
async def test_every_answer_is_as_documented(http: httpx.AsyncClient, key: tuple[str, str]) -> None:
    operation, cases = operations()[key], CASES[key]
    allowed = await headers("ingest", "read", "operate")
    forbidden = await headers("ingest" if key[0] == "get" else "read")
    stored = await http.post("/api/ingest/", json=STORED, headers=allowed)
    assert stored.status_code == 200, stored.content
    await store_patterns()
    seen = set()
    for case in cases:
        answer = await send(http, key, case, allowed)
        assert answer.status_code == case.status, answer.content
        assert_documented(answer, operation)
        seen.add(answer.status_code)
    for who, status in ((None, 401), (forbidden, 403)):
        answer = await send(http, key, cases[0], who)
        assert answer.status_code == status
        assert_documented(answer, operation)
        seen.add(status)
    assert {str(status) for status in seen} == set(operation["responses"]) - {str(LOST), str(SLOW)}


@pytest.mark.parametrize("key", WRITE_DOOR, ids=" ".join)
async def test_a_body_that_does_not_arrive_is_answered_as_documented(
    transactional_db: None, key: tuple[str, str]
) -> None:
    async def begun() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(60)

    door = WriteDoor(django_application, receive_seconds=0.1)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(door), base_url="http://localhost") as client:
        path = key[1].replace("{attempt_id}", ATTEMPT).replace("{resolution_id}", RESOLUTION)
        answer = await client.post(path, content=begun(), headers=await headers("ingest"))
    await door.close()
    assert answer.status_code == SLOW
    assert_documented(answer, operations()[key])


@pytest.mark.parametrize("key", WRITE_DOOR, ids=" ".join)
async def test_writing_without_a_database_is_answered_as_documented(
    http: httpx.AsyncClient, key: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: Any, **__: Any) -> int:
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(recorder, "ingest", lost)
    answer = await send(http, key, CASES[key][0], await headers("ingest"))
    assert answer.status_code == LOST
    assert answer.headers["Retry-After"]
    assert_documented(answer, operations()[key])


@pytest.mark.django_db
@pytest.mark.parametrize("key", [key for key in CASES if key not in WRITE_DOOR], ids=" ".join)
def test_what_django_answers_without_a_database_is_as_documented(key: tuple[str, str]) -> None:
    def lost(*_: Any) -> Any:
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    path = key[1].replace("{", "").replace("}", "") if "incident" in key[1] else key[1]
    for name, value in CASES[key][0].path.items():
        path = path.replace("{" + name + "}", quote(value, safe=""))
    with connection.execute_wrapper(lost):
        answer = Client().generic(key[0].upper(), path, headers={"Authorization": "Bearer alk_any"})
    assert answer.status_code == LOST
    assert answer.headers["Retry-After"]
    assert_documented(answer, operations()[key])


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/api/schema/", "/api/schema", "/api/docs/", "/api/docs"])
def test_schema_and_page_are_for_whoever_may_read(address: str) -> None:
    client = Client()
    refused = client.get(address)
    assert refused.status_code == 401
    assert refused.json()["error"]["code"] == "unauthorized"
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    _, token = create_key(name="engine", scopes=["ingest"])
    refused = client.get(address, headers={"Authorization": f"Bearer {token}"})
    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "forbidden"
    client.force_login(User.objects.create_user("operator"))
    assert client.get(address).status_code == 200


def test_a_browser_that_is_not_signed_in_is_shown_the_way_in() -> None:
    answer = Client().get("/api/docs/", headers={"Accept": "text/html,*/*"})
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/sign-in/?next=/api/docs/"


@pytest.mark.django_db
def test_the_schema_is_served_as_json_and_as_yaml_and_the_page_loads_nothing_from_elsewhere() -> None:
    client = Client()
    client.force_login(User.objects.create_user("operator"))
    served = client.get("/api/schema/?format=json").json()
    assert set(served["paths"]) == set(schema()["paths"])
    assert client.get("/api/schema/?format=yaml").content.startswith(b"openapi: 3.1")
    page = client.get("/api/docs/").content.decode()
    assert "/static/drf_spectacular_sidecar/" in page
    assert "https://" not in page
