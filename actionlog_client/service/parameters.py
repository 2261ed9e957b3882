"""The parameters of an action against the signature of its handler: all faults at once, values brought to their types.

"30" becomes 30 for an int, "true" a bool, a list or an object whatever the annotation says: msgspec's lax conversion.
"""

import inspect
import os
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, get_args

import msgspec

from actionlog_client.attempt import ActionAttempt
from actionlog_client.redaction import names_a_secret
from actionlog_client.service.cancellation import CancellationToken
from actionlog_client.service.secrets import is_secret

# Parameters of these types are not told by the caller: they are handed to the handler.
_INJECTED: Final = (ActionAttempt, CancellationToken)
_SHOWN_CHARACTERS: Final = 60
_MOST_BITS: Final = 64


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one parameter."""

    parameter: str
    problem: str


class InvalidParameters(Exception):
    """The parameters do not fit the handler. faults names each."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("Invalid parameters: " + "; ".join(f"{fault.parameter}: {fault.problem}" for fault in faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Bound:
    """The arguments for the handler. coerced: those that were of another type; defaulted: those that nobody told."""

    arguments: dict[str, Any]
    coerced: dict[str, Any]
    defaulted: dict[str, Any]


class Signature:
    """What a handler takes. Raises TypeError for a function that cannot take parameters by name, or whose annotations
    cannot be resolved."""

    def __init__(self, function: Callable[..., Any]) -> None:
        parameters = _parameters_of(function)
        annotations = _annotations_of(function)
        self.injected: Final[dict[str, type]] = {}
        self.secret_names: frozenset[str] = frozenset()
        self.takes_any = False
        self._parameters: Final[dict[str, inspect.Parameter]] = {}
        self._annotations: Final[dict[str, Any]] = {}
        for name, parameter in parameters.items():
            annotation = annotations.get(name, Any)
            if parameter.kind is parameter.POSITIONAL_ONLY:
                raise TypeError(f"{_name_of(function)}: parameters are told by name, and {name} is positional only.")
            if parameter.kind is parameter.VAR_POSITIONAL:
                continue
            if parameter.kind is parameter.VAR_KEYWORD:
                self.takes_any = True
            elif (injected := _injected(annotation)) is not None:
                self.injected[name] = injected
            else:
                self._parameters[name] = parameter
                self._annotations[name] = annotation
                if is_secret(annotation):
                    self.secret_names |= {name}

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._parameters)

    def bind(self, told: Any) -> Bound:
        """The arguments for these parameters. Raises InvalidParameters."""
        if not isinstance(told, Mapping):
            raise InvalidParameters([Fault("parameters", f"expected an object, got {type(told).__name__}")])
        faults: list[Fault] = []
        bound = Bound({}, {}, {})
        for name, value in told.items():
            if name in self._parameters:
                self._take(name, value, bound, faults)
            elif self.takes_any and isinstance(name, str) and name not in self.injected:
                bound.arguments[name] = value
            else:
                known = ", ".join(self._parameters) or "none"
                faults.append(Fault(str(name)[:_SHOWN_CHARACTERS], f"unknown parameter, known are: {known}"))
        for name, parameter in self._parameters.items():
            if name in told:
                continue
            if parameter.default is parameter.empty:
                faults.append(Fault(name, f"missing, it is {self._shown_type(name)}"))
            else:
                bound.defaulted[name] = parameter.default
        if faults:
            raise InvalidParameters(faults)
        bound.arguments.update(bound.defaulted)
        return bound

    def _take(self, name: str, value: Any, bound: Bound, faults: list[Fault]) -> None:
        try:
            taken = _convert(value, self._annotations[name])
        except Exception as error:  # a stranger's constructor may raise anything
            # What a library says of a value may quote it.
            is_hidden = name in self.secret_names or names_a_secret(name)
            faults.append(Fault(name, "its value does not fit" if is_hidden else _problem(error) + _shown(value)))
            return
        bound.arguments[name] = taken
        if type(taken) is not type(value):
            bound.coerced[name] = taken

    def _shown_type(self, name: str) -> str:
        annotation = self._annotations[name]
        return "required" if annotation is Any else inspect.formatannotation(annotation)


def _convert(value: Any, annotation: Any) -> Any:
    if annotation is Any:
        return value
    try:
        return msgspec.convert(value, annotation, strict=False, dec_hook=_construct)
    except TypeError as error:
        # A union of types of one's own, or the like: what msgspec cannot check is taken as it is.
        if "not supported" in str(error):
            return value
        raise


def _construct(kind: Any, value: Any) -> Any:
    """A value of a type that msgspec does not know: paths, secrets, pydantic models; else it must be one already."""
    if not isinstance(kind, type) or isinstance(value, kind):
        return value
    if hasattr(kind, "model_validate"):
        return kind.model_validate(value)
    if isinstance(value, str) and (issubclass(kind, os.PathLike) or hasattr(kind, "get_secret_value")):
        make: Any = kind
        return make(value)
    raise ValueError(f"Expected `{kind.__name__}`, got `{type(value).__name__}`")


def _problem(error: Exception) -> str:
    text, _, place = str(error).replace("`", "").partition(" - at $")
    text = text[:1].lower() + text[1:] or type(error).__name__
    return f"{text} at {place.lstrip('.')}" if place else text


def _shown(value: Any) -> str:
    """Whole or not at all: of a secret that was cut nothing would be recognised."""
    if isinstance(value, bool | float) or (isinstance(value, int) and value.bit_length() <= _MOST_BITS):
        return f" ({value})"
    return f" ({value!r})" if isinstance(value, str) and len(value) <= _SHOWN_CHARACTERS else ""


def _injected(annotation: Any) -> type | None:
    """Also of an Optional one."""
    kinds = (annotation, *get_args(annotation))
    return next((injected for injected in _INJECTED if any(kind is injected for kind in kinds)), None)


def _parameters_of(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(function).parameters
    except ValueError as error:
        raise TypeError(f"{_name_of(function)} tells no signature; wrap it in a function of your own.") from error


def _annotations_of(function: Callable[..., Any]) -> dict[str, Any]:
    inner: Any = function
    while isinstance(inner, partial):
        inner = inner.func
    inner = inspect.unwrap(inner)
    if not inspect.isroutine(inner):
        inner = type(inner).__call__
    try:
        return typing.get_type_hints(inner, include_extras=True)
    except NameError as error:
        raise TypeError(
            f"{_name_of(function)}: an annotation cannot be resolved: {error}. Import what it names at run time, not "
            "under TYPE_CHECKING only."
        ) from error


def _name_of(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", None) or type(function).__qualname__
