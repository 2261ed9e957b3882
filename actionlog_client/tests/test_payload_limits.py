"""Whatever is given: the server takes what it becomes as it is, no larger than it may be, and without a secret."""

import decimal
import time
from types import MappingProxyType
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actionlog_client.tests.payloads import (
    Exiting,
    Liar,
    Masked,
    Model,
    Pool,
    Raising,
    Shown,
    as_stored,
    encoder,
    stored_unchanged,
    telling,
)
from benchmarks.documents import attempts
from resolutions.ingest import ingest_json


def test_what_is_small_enough_is_whole_and_what_is_not_is_cut_with_a_note() -> None:
    whole = {"a": "x" * 1_000_000, "b": ["y" * 900_000]}
    encoded = encoder().json(whole, "result")
    assert stored_unchanged(encoded) == whole
    assert not encoded.notes
    encoded = encoder().json(whole | {"c": "z" * 300_000, "d": "kept"}, "result")
    told = stored_unchanged(encoded)
    assert told["d"] == "kept"
    assert told["a"].startswith("xxx")
    assert told["a"].endswith("xxx")
    assert encoded.notes["result.a"] == "cut: 1000000 characters, kept 65536"
    assert encoded.notes["result.b[0]"] == "cut: 900000 characters, kept 65536"


@pytest.mark.parametrize(
    "value",
    [
        ["x" * 5000] * 1000,
        {f"{'n' * 1000}{number}": "é\x1b" * 50 for number in range(10_000)},
        [[{"a": "\x1b" * 300}] * 100] * 100,
        ["\x1b" * 2_000_000],
        [1e-300] * 19_000,
        [decimal.Decimal("1." + "3" * 390)] * 19_000,
        "x" * 100_000_000,
        b"x" * 100_000_000,
        b"\xff" * 100_000_000,
        "é" * 50_000_000,
        {"password": ["x" * 1_000_000] * 1000},
    ],
    ids=["texts", "names", "lists", "escapes", "digits", "decimals", "text", "bytes", "binary", "unicode", "secret"],
)
def test_no_value_weighs_more_than_it_may_or_takes_long(value: Any) -> None:
    started = time.process_time()
    encoded = encoder().json(value, "result")
    # Not a benchmark: ten times what it takes, where a look at everything would take longer still.
    assert time.process_time() - started < 3
    assert len(encoded.json) <= 2 * 1024 * 1024
    assert encoded.notes or b"redacted" in encoded.json
    stored_unchanged(encoded)


@given(
    st.integers(0, 200_000),
    st.sampled_from(["Bearer hunter2hunter2", "x://bob:hunter2hunter2@db", "https://hunter2hunter2@db"]),
)
@settings(max_examples=50, deadline=None)
def test_no_cut_shows_half_a_secret(before: int, secret: str) -> None:
    filler = "lorem ipsum "
    text = (filler * (before // 12 + 1))[:before] + " " + secret + " " + filler * 20_000
    for cut in (encoder(most_bytes=100_000).json(text, "r").json.decode(), encoder(most_bytes=100_000).text(text)[0]):
        assert "hunter2" not in cut
        assert "ter2@" not in cut
        assert "bob:hun" not in cut


def test_free_text_is_cleaned_redacted_and_bounded() -> None:
    assert encoder().text("plain") == ("plain", None)
    assert encoder().text(None) == ("", None)
    assert encoder().text(ValueError("Bearer hunter2"))[0].startswith("Bearer [redacted:")
    assert encoder().text(5) == ("5", "int")
    text, note = encoder().text("é" * 5_000_000)
    assert len(text.encode()) < 1.1 * 1024 * 1024
    assert note is not None
    assert note.startswith("cut: 5000000 characters")


def test_short_texts_that_are_cut_stay_different() -> None:
    one, note = encoder().short("x" * 300 + "1")
    other, _ = encoder().short("x" * 300 + "2")
    assert len(one) == len(other) == 255
    assert one != other
    assert note == "cut: 301 characters, kept 255"
    assert encoder().short("x" * 255) == ("x" * 255, None)


@pytest.mark.parametrize("value", [None, "", "\0"])
def test_an_identity_is_never_empty(value: Any) -> None:
    told, note = encoder().identity(value)
    assert told == "unknown"
    assert note


@given(st.text(st.sampled_from("abB:/@[]=- .earBRTokn0\0\ud800é"), max_size=400), st.integers(0, 300))
@settings(deadline=None)
def test_the_server_takes_every_text_as_it_is(text: str, padding: int) -> None:
    for whole in (text, f"https://{text}@h", "p" * padding + f"Authorization: basic {text}", "p" * padding + text):
        told = {
            "action_id": encoder().identity(whole)[0],
            "target": encoder().short(whole)[0],
            "reason": encoder().text(whole)[0],
        }
        stored = as_stored(b"{}", b"null", **told)
        assert {name: stored[name] for name in told} == told


_leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters()), st.binary(), st.decimals(),
    st.datetimes(), st.dates(), st.times(), st.timedeltas(), st.uuids(), st.complex_numbers(), st.fractions(),
    st.text(st.sampled_from("abB:/@ .earBRToknhtps0\0\ud800"), max_size=40),
    st.sampled_from(["https://hunter2@h", "Bearer hunter2", "authorization: basic x", "[redacted:0123456789abcdef]"]),
    st.builds(Raising), st.builds(Exiting), st.builds(Shown), st.builds(Masked), st.builds(Liar, st.text()),
    st.builds(ValueError, st.text(st.characters())),
)  # fmt: skip
_names = st.one_of(
    st.text(st.characters(), max_size=20),
    st.sampled_from(["password", "api_key", "token", "tokens", "token_type", "https://token_type@h"]),
    st.sampled_from(["a\0", "a\ufffd", "key", "pg://bob:hunter2@h"]),
    st.integers(), st.floats(), st.none(), st.booleans(), st.binary(max_size=5), st.tuples(st.integers(), st.text()),
)  # fmt: skip
anything = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.lists(inner, max_size=5).map(tuple),
        st.dictionaries(_names, inner, max_size=5),
        st.frozensets(st.one_of(st.integers(), st.text()), max_size=5),
        st.builds(Pool, st.text(), inner),
        st.dictionaries(st.text(max_size=5), inner, max_size=3).map(lambda fields: Model(**fields)),
        st.builds(MappingProxyType, st.dictionaries(st.text(), inner, max_size=3)),
        st.builds(RuntimeError, inner),
    ),
    max_leaves=20,
)


@given(anything)
@settings(max_examples=300, deadline=None)
def test_the_server_takes_anything_as_it_is(value: Any) -> None:
    encoded = encoder().json(value, "result")
    stored_unchanged(encoded)
    assert encoder().json(value, "result") == encoded
    assert as_stored(parameters=encoder().object(value, "parameters").json)
    call = telling()
    call.json("result", value)
    call.object("parameters", value)
    extra = call.extra()
    assert as_stored(result=extra)["result"] == extra


@given(anything)
@settings(max_examples=100, deadline=None)
def test_small_values_fit_into_any_size(value: Any) -> None:
    encoded = encoder(most_bytes=200).json({"a": value, "b": "x" * 100}, "result")
    assert len(encoded.json) <= 200
    stored_unchanged(encoded)


@pytest.mark.django_db
def test_a_recording_is_taken_and_its_unredacted_form_is_the_same() -> None:
    originals = [msgspec.json.decode(msgspec.json.encode(document)) for document in attempts(300, failing=0.3, seed=5)]
    encoded = []
    for number, original in enumerate(originals):
        original["parameters"]["password"] = f"hunter{number % 7}"
        document = dict(original)
        for name in ("parameters", "result", "error_details"):
            if name in document:
                document[name] = msgspec.Raw(encoder().json(document[name], name).json)
        document["logs"] = [
            step | {"details": msgspec.Raw(encoder().json(step.get("details"), "details").json)}
            for step in document["logs"]
        ]
        encoded.append(document)
    for documents, outcome in ((encoded, "created"), (originals, "unchanged")):
        answer = ingest_json(msgspec.json.encode({"action_attempts": documents}))
        assert {result["outcome"] for result in answer["results"]} == {outcome}, answer["results"][0]


def test_a_text_of_control_characters_weighs_no_more_than_another() -> None:
    text, note = encoder().text("\x01" * 1_000_000)
    assert len(msgspec.json.encode(text)) < 2 * 1024 * 1024
    assert note is not None
    lines = "a line\n" * 140_000
    assert encoder().text(lines) == (lines, None)
