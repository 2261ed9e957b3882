"""What Python objects become, and that the server takes it as it is."""

import datetime as dt
import decimal
import enum
import inspect
import pathlib
import sys
import threading
import time
import uuid
from collections import OrderedDict, defaultdict, deque, namedtuple
from types import MappingProxyType
from typing import Any

import attrs
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actionlog_client.payload import foreign
from actionlog_client.payload.conversion import DEEPEST, MOST_MEMBERS
from actionlog_client.payload.notes import MOST_NOTES
from actionlog_client.tests.payloads import (
    Deep,
    Endless,
    Exiting,
    Liar,
    Locked,
    Masked,
    Model,
    OfUnhashable,
    Pool,
    Raising,
    Recursing,
    Shown,
    as_stored,
    encoder,
    stored_unchanged,
    telling,
)
from attempts.redaction import redactor

Point = namedtuple("Point", "x y")
Berlin = dt.timezone(dt.timedelta(hours=1))


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Telling(msgspec.Struct):
    a: int
    b: set[int]


@attrs.define
class Slotted:
    a: int
    b: object = None


class Wire:
    def __index__(self) -> int:
        return 7


class Sized(dict[str, int]):
    def items(self) -> Any:
        raise RuntimeError


@pytest.mark.parametrize(
    ("value", "told", "note"),
    [
        (dt.datetime(2026, 1, 2, 3, 4, 5, 6, dt.UTC), "2026-01-02T03:04:05.000006+00:00", None),
        (dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=Berlin), "2026-01-02T03:04:05+01:00", None),
        (dt.date(2026, 1, 2), "2026-01-02", None),
        (dt.time(3, 4, 5), "03:04:05", None),
        (dt.timedelta(minutes=1, milliseconds=500), 60.5, "timedelta as seconds"),
        (decimal.Decimal("0.10000000000000000000001"), decimal.Decimal("0.10000000000000000000001"), None),
        (decimal.Decimal("sNaN"), "NaN", "Decimal NaN as text"),
        (decimal.Decimal("1E+400"), "1E+400", "Decimal out of range as text"),
        (decimal.Decimal("0E-1000"), "0E-1000", "Decimal out of range as text"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001", None),
        (pathlib.PurePosixPath("/etc/hosts"), "/etc/hosts", None),
        (Colour.RED, "red", None),
        (Level.HIGH, 3, None),
        (b"r\xc3\xa9sum\xc3\xa9", "résumé", "bytes as UTF-8 text"),
        (b"\xff\x00", "/wA=", "bytes as base64"),
        (bytearray(b"a"), "a", "bytes as UTF-8 text"),
        (memoryview(b"ab")[::2], "a", "bytes as UTF-8 text"),
        ({3, 1, 2}, [1, 2, 3], "set as sorted list"),
        (frozenset({"b", "a"}), ["a", "b"], "frozenset as sorted list"),
        ((1, "a"), [1, "a"], None),
        (deque([1, 2], 5), [1, 2], None),
        (Point(1, 2), {"x": 1, "y": 2}, None),
        (Telling(1, {2}), {"a": 1, "b": [2]}, "set as sorted list"),
        (Slotted(1, None), {"a": 1, "b": None}, None),
        (Model(a=1, at=dt.date(2026, 1, 2)), {"a": 1, "at": "2026-01-02"}, None),
        (MappingProxyType({"a": 1}), {"a": 1}, None),
        (OrderedDict(a=1), {"a": 1}, None),
        (defaultdict(int, a=1), {"a": 1}, None),
        (Sized(a=1), {"a": 1}, None),
        (Liar("text"), "text", None),
        (ValueError("too many", 3), {"type": "ValueError", "message": "('too many', 3)"}, None),
        (FileNotFoundError(2, "gone"), {"type": "FileNotFoundError", "message": "[Errno 2] gone"}, None),
        (float("nan"), "NaN", "float NaN as text"),
        (float("-inf"), "-Infinity", "float -Infinity as text"),
        (5e-324, 5e-324, None),
        (2**64 - 1, 2**64 - 1, None),
        (2**64, str(2**64), "int beyond 64 bits as text"),
        (-(2**63) - 1, str(-(2**63) - 1), "int beyond 64 bits as text"),
        (1 << 1_000_000, "<int of 1000001 bits>", "cut: int of 1000001 bits"),
        (True, True, None),
        ("half \ud83d\0", "half \ufffd\ufffd", "characters that cannot be stored, replaced"),
        (Wire(), 7, f"{__name__}.Wire as number"),
        (Shown(), "Shown(1)", "actionlog_client.tests.payloads.Shown as its representation"),
        (range(3), "range(0, 3)", "range as its representation"),
        (int, "<class int>", "class as its name"),
        (Raising(), "<actionlog_client.tests.payloads.Raising object without representation>",
         "actionlog_client.tests.payloads.Raising without representation"),
    ],
    ids=lambda each: type(each).__name__,
)  # fmt: skip
def test_each_kind_of_value_has_its_form_and_what_is_odd_is_noted(value: Any, told: Any, note: str | None) -> None:
    encoded = encoder().json({"v": value}, "result")
    decoded = msgspec.json.Decoder(float_hook=decimal.Decimal).decode(encoded.json)["v"]
    stored_unchanged(encoded)
    if told is not None:
        assert decoded == (decimal.Decimal(repr(told)) if isinstance(told, float) else told)
    if note != "set as sorted list":
        assert encoded.notes.get("result.v") == note
    else:
        assert note in encoded.notes.values()


def test_a_naive_datetime_is_taken_as_local_time() -> None:
    naive = dt.datetime(2026, 7, 2, 3, 4, 5)  # noqa: DTZ001
    encoded = encoder().json(naive, "result")
    assert msgspec.json.decode(encoded.json, type=dt.datetime) == naive.astimezone()
    assert "local time" in encoded.notes["result"]


def test_names_that_are_no_text_become_text_and_none_is_lost() -> None:
    value = {
        1: "a",
        "1": "b",
        (1, 2): "c",
        None: "d",
        b"x": "e",
        Shown(): "f",
        "n\0": "g",
        "n\ufffd": "h",
        Level.HIGH: 1,
    }
    encoded = encoder().json(value, "result")
    assert stored_unchanged(encoded) == {
        "1": "a", "1 (2)": "b", "[1,2]": "c", "null": "d", "x": "e", "Shown(1)": "f", "n\ufffd": "g",
        "n\ufffd (2)": "h", "3": 1,
    }  # fmt: skip
    assert encoded.notes["result.1"] == "name was int"


def test_secrets_are_marked_as_the_server_marks_the_same_value() -> None:
    secrets = {"password": "hunter2", "api_key": {"a": [1.0, "https://x@h"]}, "token": 5, "url": "pg://bob:hunter2@db"}
    encoded = encoder().json(secrets, "result")
    assert encoded.json == as_stored(result=msgspec.json.encode(secrets))["result"]
    assert b"hunter2" not in encoded.json
    assert encoder().json({"password": b"hunter2"}, "r").json == encoder().json({"password": "hunter2"}, "r").json


def test_nothing_is_told_of_a_secret_by_notes_and_no_note_is_taken_for_one() -> None:
    value = {"password": {"hunter2": b"hunter2"}, "token_type": [b"x"], "pg://bob:hunter2@db": b"x", Pool("a", b"1"): 1}
    encoded = encoder().object(value, "parameters")
    call = telling()
    call.object("parameters", value)
    extra = call.extra()
    assert b"hunter2" not in encoded.json + extra
    assert as_stored(result=extra)["result"] == extra
    assert msgspec.json.decode(extra)["converted parameters.token_type[0] (type)"] == "bytes as UTF-8 text"


def test_a_dataclass_is_read_without_its_properties() -> None:
    told = stored_unchanged(encoder().json(Pool("main", {1}), "result"))
    assert told == {"name": "main", "size": [1], "password": redactor().mark('"hunter2"')}


def test_an_object_is_an_object_whatever_is_given() -> None:
    assert encoder().object(None, "parameters").json == b"{}"
    assert encoder().object({"a": 1}, "parameters").json == b'{"a":1}'
    wrapped = encoder().object([1], "parameters")
    assert (wrapped.json, dict(wrapped.notes)) == (b'{"value":[1]}', {"parameters": "list as the member value"})


def test_cycles_end_and_are_noted() -> None:
    cycle: dict[str, Any] = {"a": [1]}
    cycle["a"].append(cycle)
    pool = Pool("a", None)
    pool.size = (pool,)
    encoded = encoder().json([cycle, pool], "result")
    assert stored_unchanged(encoded)[0] == {"a": [1, "<circular reference>"]}
    assert encoded.notes["result[0].a[1]"] == encoded.notes["result[1].size[0]"] == "circular reference"


def test_nesting_and_members_are_bounded() -> None:
    tower: Any = "top"
    for _ in range(5000):
        tower = [tower]
    encoded = encoder().json(tower, "result")
    stored_unchanged(encoded)
    assert encoded.json.count(b"[") == DEEPEST
    fork: Any = "x"
    for _ in range(49):
        fork = [fork, fork, fork]
    for wide in (fork, Deep(), Endless(), list(range(10**6)), dict.fromkeys(range(10**6)), set(range(10**5))):
        encoded = encoder().json(wide, "result")
        stored_unchanged(encoded)
        assert encoded.json.count(b",") <= MOST_MEMBERS
        assert any("cut: " in note for note in encoded.notes.values())
        assert len(encoded.notes) <= MOST_NOTES + 1


@pytest.mark.parametrize("nasty", [Raising, Exiting, Recursing, Masked, OfUnhashable], ids=lambda kind: kind.__name__)
def test_nothing_that_an_object_does_reaches_the_caller(nasty: Any) -> None:
    for value in (nasty(), {"a": [nasty()], "b": 1}, RuntimeError(nasty()), Model(a=nasty()), Pool("a", nasty())):
        stored_unchanged(encoder().json(value, "result"))
        encoder().object(value, "parameters")
        assert encoder().text(value)[0]
        assert encoder().short(value)[0]
        assert encoder().identity(value)[0]


def test_generators_and_coroutines_are_not_consumed() -> None:
    numbers = (number for number in range(3))
    stored_unchanged(encoder().json({"a": numbers, "b": map(str, numbers)}, "result"))
    assert list(numbers) == [0, 1, 2]


def test_who_waits_for_a_lock_is_left_behind_and_not_asked_again_until_it_returns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    locked = Locked()
    # The lock is released by nobody meanwhile: that this goes on at all shows that it was left behind.
    with monkeypatch.context() as hasty:
        hasty.setattr(foreign, "PATIENCE", 0.1)
        encoded = encoder().json({"a": locked, "b": 1}, "result")
    assert stored_unchanged(encoded)["b"] == 1
    assert encoded.notes["result.a"].endswith("Locked without representation")
    # Were it asked again, each of these would wait for the patience that other tests have: a minute.
    started = time.monotonic()
    for _ in range(100):
        assert b"Shown(1)" in encoder().json({"a": locked, "b": Shown()}, "result").json
    assert time.monotonic() - started < 60
    locked.lock.release()
    deadline = time.monotonic() + 60
    while foreign.is_hanging(Locked) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert b"Locked()" in encoder().json(locked, "result").json


def test_a_dictionary_may_change_while_it_is_read() -> None:
    changing: dict[Any, Any] = {str(number): number for number in range(1000)}
    done = threading.Event()

    def change() -> None:
        number = 0
        while not done.is_set():
            number += 1
            changing[f"{number % 3000}"] = number
            changing.pop(f"{(number * 7) % 3000}", None)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(100):
            encoded = encoder().json({"a": changing, "b": {1: changing}}, "result")
            assert "result" not in encoded.notes
            stored_unchanged(encoded)
    finally:
        done.set()
        thread.join()


def test_a_deep_stack_costs_the_value_and_no_more() -> None:
    def down(levels: int) -> bytes:
        return down(levels - 1) if levels else encoder().json({"a": [[[(1,)]]]}, "result").json

    answers = set()
    room = sys.getrecursionlimit() - len(inspect.stack())
    for left in range(8, 60, 4):
        try:
            answers.add(down(room - left))
        except RecursionError:  # in down itself
            continue
    assert b'{"a":[[[[1]]]]}' in answers
    assert any(b"could not be read" in answer for answer in answers)


_PIECES = st.sampled_from(
    ["Bearer", "bearer:", " ", "abc", "Authorization", ":", "=", "Basic", "://", "u", "p@h", "@", "password", "api",
     "_", "key", "token", "é", "\0", "\x01", "\ud800", "\\u0070", "x" * 200, "X" * 1500, "[redacted:0123456789abcdef]",
     "1"]
)  # fmt: skip
_TEXTS = st.lists(_PIECES, max_size=6).map("".join)
_LEAVES = st.one_of(_TEXTS, st.integers(), st.floats(), st.booleans(), st.none())


@settings(max_examples=500, deadline=None)
@given(st.dictionaries(_TEXTS, _LEAVES, max_size=4))
def test_the_fast_way_tells_what_the_slow_one_would(value: dict[str, Any]) -> None:
    one = encoder()
    plain = one.plain(value)
    slow = one.looked_at(value, "result")
    assert plain in (None, slow.json)
    assert plain is None or not slow.notes
    # Its names are known by now.
    assert one.plain(value) == plain


def test_what_engines_usually_tell_goes_the_fast_way() -> None:
    usual = {
        "database": "postgresql",
        "timeout": 30,
        "ratio": 0.5,
        "dry_run": False,
        "note": "lost it: 3 of 5",
        "at": None,
    }
    assert encoder().plain(usual) == msgspec.json.encode(usual)
