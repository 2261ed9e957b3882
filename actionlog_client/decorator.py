"""The decorator that makes each call of a function a recorded attempt."""

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from actionlog_client.attempt import ActionAttempt

if TYPE_CHECKING:
    from actionlog_client.logger import ActionLogger

Function = TypeVar("Function", bound=Callable[..., Any])


def recorded(
    action_logger: "ActionLogger",
    action_type: str,
    *,
    action_id: str | None,
    incident_id: str | None,
    facts: dict[str, Any],
) -> Callable[[Function], Function]:
    """See ActionLogger.action. Raises TypeError for a generator function, whose call runs nothing yet."""

    def decorate(function: Function) -> Function:
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(f"{function.__qualname__} is a generator; record what consumes it instead")
        signature = inspect.signature(function)

        def start(arguments: tuple[Any, ...], named: dict[str, Any]) -> ActionAttempt:
            parameters = _parameters(signature, arguments, named)
            return action_logger.start_action_attempt(
                action_id or action_type,
                action_type,
                parameters,
                incident_id if incident_id is not None else parameters.get("incident_id"),
                **facts,
            )

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def run_async(*arguments: Any, **named: Any) -> Any:
                with start(arguments, named) as attempt:
                    result = await function(*arguments, **named)
                    _succeed(attempt, result)
                    return result

            return cast("Function", run_async)

        @functools.wraps(function)
        def run(*arguments: Any, **named: Any) -> Any:
            with start(arguments, named) as attempt:
                result = function(*arguments, **named)
                _succeed(attempt, result)
                return result

        return cast("Function", run)

    return decorate


def _succeed(attempt: ActionAttempt, result: Any) -> None:
    """The function may have told an outcome of its own."""
    if not attempt.is_final:
        attempt.mark_success(result)


def _parameters(signature: inspect.Signature, arguments: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
    """The arguments by the names of the parameters; as they came when the function will refuse them anyway."""
    try:
        bound = signature.bind(*arguments, **named)
    except TypeError:
        return {"arguments": list(arguments), **named}
    bound.apply_defaults()
    return {name: value for name, value in bound.arguments.items() if name not in ("self", "cls")}
