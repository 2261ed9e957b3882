"""What an action is told against the signature of its handler."""

import enum
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest

from actionlog_client.attempt import ActionAttempt
from actionlog_client.service.cancellation import CancellationToken
from actionlog_client.service.parameters import InvalidParameters, Signature
from actionlog_client.service.secrets import Secret


class Colour(enum.Enum):
    RED = "red"


@dataclass
class Target:
    host: str
    port: int = 5432


class Limits(msgspec.Struct):
    most: int


class Hidden:
    """As pydantic's SecretStr."""

    def __init__(self, value: str) -> None:
        self._value = value

    def get_secret_value(self) -> str:
        return self._value


class Model:
    """As a pydantic model."""

    def __init__(self, name: str) -> None:
        self.name = name

    @classmethod
    def model_validate(cls, value: Any) -> "Model":
        return cls(value["name"])


def takes(annotation: Any) -> Signature:
    def handler(value: Any) -> None: ...

    handler.__annotations__["value"] = annotation
    return Signature(handler)


def faults_of(signature: Signature, told: Any) -> dict[str, str]:
    with pytest.raises(InvalidParameters) as refused:
        signature.bind(told)
    return {fault.parameter: fault.problem for fault in refused.value.faults}


@pytest.mark.parametrize(
    ("annotation", "told", "taken"),
    [
        (int, "30", 30),
        (int, 30.0, 30),
        (float, "0.5", 0.5),
        (bool, "true", True),
        (bool, "0", False),
        (int | None, None, None),
        (int | None, "7", 7),
        (list[int], ["1", 2], [1, 2]),
        (list[int], (1, 2), [1, 2]),
        (set[str], ["a", "a"], {"a"}),
        (dict[str, int], {"a": "1"}, {"a": 1}),
        (Literal["hard", "soft"], "soft", "soft"),
        (Colour, "red", Colour.RED),
        (Colour, Colour.RED, Colour.RED),
        (Target, {"host": "db", "port": "1"}, Target("db", 1)),
        (Target, Target("db"), Target("db")),
        (Limits, {"most": 3}, Limits(3)),
        (datetime, "2026-03-01T12:00:00Z", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        (timedelta, 90, timedelta(seconds=90)),
        (uuid.UUID, "0190d3a5-6c1e-7b43-9f0e-2a1b3c4d5e6f", uuid.UUID("0190d3a5-6c1e-7b43-9f0e-2a1b3c4d5e6f")),
        (Path, "/var/log", Path("/var/log")),
        (Annotated[int, msgspec.Meta(ge=1)], "2", 2),
        (Any, b"as it is", b"as it is"),
        (Annotated[str, Secret], "hunter22", "hunter22"),
    ],
)
def test_a_value_is_brought_to_the_type_that_the_handler_declares(annotation: Any, told: Any, taken: Any) -> None:
    bound = takes(annotation).bind({"value": told}).arguments["value"]
    assert (type(bound), bound) == (type(taken), taken)


@pytest.mark.parametrize(
    ("annotation", "told", "problem"),
    [
        (int, "soon", "expected int, got str ('soon')"),
        (int, True, "expected int, got bool (True)"),
        (int, None, "expected int, got null"),
        (bool, "maybe", "expected bool, got str ('maybe')"),
        (str, 5, "expected str, got int (5)"),
        (list[int], ["a"], "expected int, got str at [0]"),
        (Literal["hard"], "soft", "invalid enum value 'soft' ('soft')"),
        (Target, {"host": "db", "port": "x"}, "expected int, got str at port"),
        (uuid.UUID, "x", "invalid UUID ('x')"),
        (datetime, "noon", "invalid RFC3339 encoded datetime ('noon')"),
        (Model, "x", "string indices must be integers, not 'str' ('x')"),
        (Annotated[int, Secret], "hunter22", "its value does not fit"),
        (int, "long" * 1000, "expected int, got str"),
        pytest.param(str, 10**5000, "expected str, got int", id="too long to be written out"),
    ],
)
def test_a_value_that_cannot_be_is_told_with_its_type_and_what_it_was(annotation: Any, told: Any, problem: str) -> None:
    assert faults_of(takes(annotation), {"value": told})["value"] == problem


def test_types_that_construct_themselves_are_constructed() -> None:
    assert takes(Hidden).bind({"value": "x"}).arguments["value"].get_secret_value() == "x"
    assert takes(Model).bind({"value": {"name": "n"}}).arguments["value"].name == "n"
    assert isinstance(takes(Model).bind({"value": Model("n")}).arguments["value"], Model)


def test_all_faults_are_named_at_once() -> None:
    def handler(service: str, timeout: int, *, force: bool = False) -> None: ...

    assert faults_of(Signature(handler), {"timeout": "soon", "colour": 1, "force": "maybe"}) == {
        "timeout": "expected int, got str ('soon')",
        "colour": "unknown parameter, known are: service, timeout, force",
        "force": "expected bool, got str ('maybe')",
        "service": "missing, it is str",
    }


def test_a_value_under_the_name_of_a_secret_is_not_told() -> None:
    def handler(api_key: int) -> None: ...

    assert faults_of(Signature(handler), {"api_key": "hunter22"}) == {"api_key": "its value does not fit"}


@pytest.mark.parametrize("told", [[], "x", 3])
def test_parameters_that_are_no_object_are_a_fault(told: Any) -> None:
    assert list(faults_of(Signature(lambda: None), told)) == ["parameters"]


def test_what_is_not_annotated_and_what_is_not_named_is_taken_as_it_is() -> None:
    def handler(service, **more):  # type: ignore[no-untyped-def]
        ...

    told = {"service": object(), "n": "3"}
    assert Signature(handler).bind(told).arguments == told


def test_what_was_coerced_and_what_was_not_told_can_be_seen() -> None:
    def handler(service: str, timeout: int = 30, force: bool = False) -> None: ...

    bound = Signature(handler).bind({"service": "web", "force": "true"})
    assert (bound.coerced, bound.defaulted) == ({"force": True}, {"timeout": 30})
    assert bound.arguments == {"service": "web", "force": True, "timeout": 30}


def test_attempt_and_token_are_no_parameters_of_the_caller() -> None:
    def handler(service: str, attempt: ActionAttempt, stop: CancellationToken | None = None) -> None: ...

    signature = Signature(handler)
    assert signature.injected == {"attempt": ActionAttempt, "stop": CancellationToken}
    assert list(faults_of(signature, {"service": "web", "attempt": 1})) == ["attempt"]


class Callables:
    def method(self, n: int) -> None: ...

    def __call__(self, n: int) -> None: ...


@pytest.mark.parametrize("handler", [Callables().method, Callables(), partial(Callables.method, Callables())])
def test_methods_objects_and_partials_are_handlers_too(handler: Callable[..., Any]) -> None:
    assert Signature(handler).bind({"n": "3"}).arguments == {"n": 3}


def test_a_function_that_cannot_be_a_handler_is_refused_when_it_is_registered() -> None:
    def positional(service: str, /) -> None: ...

    def unresolved(service: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(TypeError, match="positional only"):
        Signature(positional)
    with pytest.raises(TypeError, match="Nowhere"):
        Signature(unresolved)
