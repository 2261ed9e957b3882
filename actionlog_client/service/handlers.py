"""What is registered with an ActionService: a handler, the checks before it, and how often it is tried again."""

import inspect
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from actionlog_client.service.outcomes import ActionResult
from actionlog_client.service.parameters import Signature

RetryOn = tuple[type[BaseException], ...] | Callable[[ActionResult], bool]

# What a check may ask for beside the parameters of its action.
CHECK_NAMES: Final = frozenset({"action_type", "parameters", "incident_id", "attempt"})


@dataclass(frozen=True, slots=True)
class Retry:
    """How often, when and after what pause a failed action is tried again.

    attempts: how many after the first. on: the exceptions after which it is tried again, or a function of the
    ActionResult; any failure unless told. The pause is first_pause seconds, factor times as long each time, at most
    longest_pause, and shortened at random by up to the fraction jitter, so that many do not try again at once.
    """

    attempts: int = 0
    on: RetryOn | None = None
    first_pause: float = 0.5
    factor: float = 2.0
    longest_pause: float = 30.0
    jitter: float = 0.25

    def applies_to(self, result: ActionResult) -> bool:
        """Only what failed is tried again. Raises what the function on raises."""
        if result.status != "failed":
            return False
        if self.on is None:
            return True
        if isinstance(self.on, tuple):
            return isinstance(result.cause, self.on)
        return bool(self.on(result))

    def pause_before(self, retry: int) -> float:
        """Seconds before the retry of this number, from 1 on."""
        pause = min(self.first_pause * self.factor ** (retry - 1), self.longest_pause)
        return pause * (1 - self.jitter * random.random())  # noqa: S311  # no secret


@dataclass(frozen=True, slots=True)
class Check:
    """Something that must hold before an action runs. It takes by name what it needs."""

    name: str
    function: Callable[..., Any]
    wants: frozenset[str]
    takes_any: bool
    is_async: bool

    def arguments(self, offered: dict[str, Any]) -> dict[str, Any]:
        return offered if self.takes_any else {name: offered[name] for name in self.wants if name in offered}


@dataclass(frozen=True, slots=True)
class Handler:
    """A registered action. checks: those of every action, then its own."""

    function: Callable[..., Any]
    signature: Signature
    is_async: bool
    timeout: float | None
    checks: tuple[Check, ...]
    retry: Retry
    facts: dict[str, Any]


def check_of(function: Callable[..., Any], names: frozenset[str] | None) -> Check:
    """names: the parameters that it may ask for; None when they are not known.

    Raises TypeError when it asks for another one without a default.
    """
    name = name_of(function)
    parameters = inspect.signature(function).parameters.values()
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    wants = {
        parameter.name: parameter
        for parameter in parameters
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }
    if names is not None:
        unknown = sorted(
            wanted
            for wanted, parameter in wants.items()
            if wanted not in names | CHECK_NAMES and parameter.default is parameter.empty
        )
        if unknown:
            raise TypeError(f"The check {name} asks for {', '.join(unknown)}, which the action does not have.")
    return Check(name, function, frozenset(wants), takes_any, is_async(function))


def is_async(function: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004  # an object with an async __call__


def name_of(function: Callable[..., Any]) -> str:
    while isinstance(function, partial):
        function = function.func
    return str(getattr(function, "__name__", type(function).__name__))
