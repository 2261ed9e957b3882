"""What is redacted, what survives, and that redacting again changes nothing."""

import time
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actionlog_client.redaction import (
    _HARMLESS_ENDS,
    _HARMLESS_STARTS,
    _SECRET_KEYS,
    _SECRET_WORDS,
    Redactor,
    names_a_secret,
    triggers_in,
)
from attempts.validation import Fault, clean_json, clean_text, last_name, suspicion_of
from resolutions.decoding import decode_ingest

redactor = Redactor(b"a key of this test")


@pytest.mark.parametrize(
    "name",
    ["password", "DB_PASSWORD", "dbPassword", "apiKey", "api_key", "X-Api-Key", "X-Api-Key:", "apikey_prod",
     "privatekeyPem", "accesskey_2", "ssh-key", "Authorization", "access_token", "token", "clientSecret", "cookie",
     "aws_secret_access_key", "credentials", "PGPASSWORD", "user_pwd"],
)  # fmt: skip
def test_secrets_go_by_the_name_of_their_key(name: str) -> None:
    assert "hunter2" not in cleaned({name: "hunter2"})


@pytest.mark.parametrize(
    "name",
    ["max_tokens", "total_tokens", "token_count", "next_page_token", "page_token", "secret_name", "secretKeyRef",
     "token_type", "password_file", "monkey", "key", "keyboard", "passed", "tokenizer", "api_keys_count", "author"],
)  # fmt: skip
def test_what_only_looks_like_a_secret_survives(name: str) -> None:
    assert cleaned({name: 4096}) == msgspec.json.encode({name: 4096}).decode()
    if "tokens" not in name:
        assert "plain" in cleaned({name: "plain"})


def test_nothing_and_yes_and_no_are_no_secrets() -> None:
    for value in (None, "", True, False):
        assert cleaned({"password": value}) == msgspec.json.encode({"password": value}).decode()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("postgresql://bob:hunter2@db/x", "postgresql://bob:"),
        ("redis://:hunter2@cache/0", "redis://:"),
        ("https://hunter2@example.org/", "https://"),
        ("https://bob:hun@ter2@example.org", "https://bob:"),
        ("Authorization: Bearer hunter2", "Authorization: Bearer "),
        ("authorization: basic hunter2", "authorization: basic "),
        ("curl -H 'AUTHORIZATION: BEARER hunter2'", "curl"),
        ("bEarEr hunter2", "bEarEr"),
        ("Bearer Bearer hunter2", "Bearer Bearer"),
        ("Authorization: Bearer: hunter2", "Authorization"),
    ],
)
def test_credentials_in_texts_are_marked_and_the_rest_is_kept(text: str, kept: str) -> None:
    marked = redactor.text(text)
    assert "hunter2" not in marked
    assert "ter2@" not in marked
    assert "[redacted:" in marked
    assert marked.startswith(kept)


@pytest.mark.parametrize(
    "text",
    ["Bearer token missing", "the bearer of this", "ssh://git@host/x", "see https://example.org/a@b", "mail bob@x.org",
     "Basic authentication failed", "invalid bearer credentials"],
)  # fmt: skip
def test_prose_and_plain_addresses_survive(text: str) -> None:
    assert redactor.text(text) == text


@given(st.text(st.sampled_from("abB:/@[]=- .earBRTokn0"), max_size=60))
def test_redacting_a_text_again_changes_nothing(text: str) -> None:
    for whole in (text, f"https://{text}@h", f"x://a:{text}@h", f"Bearer {text}", f"Authorization: basic {text}"):
        once = redactor.text(whole)
        assert redactor.text(once) == once


def test_the_same_secret_gives_the_same_mark_and_another_key_another() -> None:
    mark = redactor.under("password", "hunter2")
    assert mark == redactor.under("secret", "hunter2")
    assert mark != Redactor(b"another").under("password", "hunter2")
    assert redactor.under("password", mark[1]) == mark


@given(st.sampled_from(sorted(_SECRET_WORDS)), st.sampled_from(["", "_prod", "_2", "-x", ":"]), st.booleans())
def test_every_name_of_a_secret_fires_a_trigger(word: str, suffix: str, upper: bool) -> None:
    name = (word.upper() if upper else word) + suffix
    if names_a_secret(name):
        assert triggers_in(msgspec.json.encode({name: "x"}).lower())


@given(
    st.sampled_from(sorted(_SECRET_KEYS)),
    st.sampled_from(["_", "-", "", " "]),
    st.sampled_from(["key", "Keys", "Key_1"]),
)
def test_every_name_of_a_key_fires_a_trigger(first: str, between: str, second: str) -> None:
    name = first + between + second
    if names_a_secret(name):
        assert triggers_in(msgspec.json.encode({name: "x"}).lower())


def test_the_lists_of_words_do_not_contradict_each_other() -> None:
    assert not _SECRET_WORDS & _HARMLESS_ENDS
    assert not _SECRET_WORDS & _HARMLESS_STARTS


def cleaned(value: object) -> str:
    """The free-form JSON as it is stored, by the way that a request takes."""
    from attempts.records import AttemptDocument

    document = AttemptDocument(attempt_id=UUID(int=0))
    document.result = msgspec.Raw(msgspec.json.encode(value))
    suspicion = suspicion_of(b"", [document])
    return bytes(clean_json(document.result, "result", None, suspicion)).decode()


def test_secrets_hide_behind_no_escape_and_in_no_name() -> None:
    source = (
        rb'{"action_attempts":[{"attempt_id":"0190b8a0-0000-7000-8000-000000000001","action_id":"a","action_type":"",'
        rb'"incident_id":"i","reason":"postgres:\/\/bob:hunter2@db","parameters":{"url":"postgres:\/\/bob:hunter2@db",'
        rb'"pass\u0077ord":"hunter2","postgres://bob:hunter2@db":1}}]}'
    )
    (submission,) = decode_ingest(source, None)
    assert b"hunter2" not in msgspec.json.encode(submission.document)


def test_a_fault_tells_no_secret_and_no_megabytes() -> None:
    fault = Fault("Invalid enum value 'https://bob:hunter2@h'.", path="a" * 1_000_000 + ".b")
    assert "hunter2" not in fault.message
    assert len(fault.path) < 1000
    assert fault.field == "b"


@pytest.mark.parametrize(
    ("path", "field"),
    [("action_attempts[3].started_at", "started_at"), ("logs[0]", "logs"), ("a.b[1][2]", "b"), ("", None), ("x", "x")],
)
def test_the_field_is_the_last_name_of_the_path(path: str, field: str | None) -> None:
    assert last_name(path) == field


@pytest.mark.parametrize(
    "text",
    [
        "a" * 200_000,
        "://" * 70_000,
        "bearer " * 30_000,
        "x://a:" * 40_000,
        "authorization: basic " * 10_000,
        "[" * 200_000,
    ],
)
def test_cleaning_takes_time_in_proportion_to_the_text(text: str) -> None:
    """Not a benchmark: the limit is a hundred times what it takes, and a quadratic search takes minutes."""
    start = time.process_time()
    clean_text(text)
    last_name(text)
    cleaned({"key": text, text[:50_000]: 1})
    assert time.process_time() - start < 5
