"""API keys: made, found, revoked, and what the database refuses whoever writes it."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from access.keys import Key, create_key, digest, revoke_key
from access.models import ApiKey
from access.queries import find_key

pytestmark = pytest.mark.django_db


def test_a_key_is_found_by_its_text() -> None:
    row, token = create_key(name="engine", scopes=["read", "ingest"], engine="healer")
    assert find_key(token) == Key(row.pk, "engine", frozenset({"ingest", "read"}), "healer")


def test_the_text_of_a_key_is_stored_nowhere() -> None:
    row, token = create_key(name="engine", scopes=["read"])
    stored = ApiKey.objects.values().get(pk=row.pk)
    assert token not in str(stored)
    assert token.startswith(stored["prefix"])
    assert len(token) - len(stored["prefix"]) > 30


def test_keys_differ() -> None:
    assert create_key(name="a", scopes=["read"])[1] != create_key(name="a", scopes=["read"])[1]


def test_finding_a_key_takes_one_query(django_assert_num_queries: Any) -> None:
    _, token = create_key(name="engine", scopes=["read"])
    with django_assert_num_queries(1):
        find_key(token)


@pytest.mark.parametrize("token", ["", "alk_unknown", "\ud800", "é" * 1000])
def test_text_that_is_no_key_finds_none(token: str) -> None:
    create_key(name="engine", scopes=["read"])
    assert find_key(token) is None


def test_a_revoked_key_is_not_found() -> None:
    row, token = create_key(name="engine", scopes=["read"])
    assert revoke_key(key=row)
    assert find_key(token) is None
    assert row.revoked_at is not None


def test_the_first_revocation_stays(operator: User) -> None:
    row, _ = create_key(name="engine", scopes=["read"], created_by=operator)
    revoke_key(key=row, revoked_by=operator)
    first = row.revoked_at
    assert not revoke_key(key=row)
    assert (row.revoked_at, row.revoked_by) == (first, operator)


def test_a_key_outlives_the_user_who_made_and_revoked_it(operator: User) -> None:
    row, _ = create_key(name="engine", scopes=["read"], created_by=operator)
    revoke_key(key=row, revoked_by=operator)
    operator.delete()
    row.refresh_from_db()
    assert (row.created_by, row.revoked_by) == (None, None)


@pytest.mark.parametrize(
    "told",
    [
        {"name": "", "scopes": ["read"]},
        {"name": "x" * 101, "scopes": ["read"]},
        {"name": "engine", "scopes": []},
        {"name": "engine", "scopes": ["read", "everything"]},
        {"name": "engine", "scopes": ["read"], "engine": "x" * 256},
    ],
)
def test_an_unacceptable_key_is_not_made(told: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        create_key(**told)
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize(
    ("constraint", "change"),
    [
        ("access_api_keys_name_told", {"name": ""}),
        ("access_api_keys_digest_form", {"digest": "alk_the-key-itself"}),
        ("access_api_keys_scopes_known", {"scopes": ["everything"]}),
        ("access_api_keys_scopes_known", {"scopes": []}),
        ("access_api_keys_engine_told", {"engine": ""}),
    ],
)
def test_the_database_refuses(constraint: str, change: dict[str, Any]) -> None:
    row, _ = create_key(name="engine", scopes=["read"])
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        ApiKey.objects.filter(pk=row.pk).update(**change)


def test_the_database_refuses_a_revoker_without_a_time(operator: User) -> None:
    row, _ = create_key(name="engine", scopes=["read"])
    with pytest.raises(IntegrityError, match="access_api_keys_revoked_when"), transaction.atomic():
        ApiKey.objects.filter(pk=row.pk).update(revoked_by=operator)


def test_the_database_refuses_the_same_key_twice() -> None:
    row, _ = create_key(name="engine", scopes=["read"])
    with pytest.raises(IntegrityError, match="digest"), transaction.atomic():
        ApiKey.objects.create(name="other", scopes=["read"], digest=row.digest)


def test_a_digest_is_sha_256() -> None:
    # FIPS 180-4's example of one block.
    assert digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
