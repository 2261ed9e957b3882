"""One action from being asked for to its outcome: every attempt of it is on record, whatever happens.

Written once for both runtimes of running.py. What an outcome is, is in outcomes.py.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import TracebackType
from typing import Any, Final

import msgspec

from actionlog_client.attempt import ActionAttempt, acting
from actionlog_client.clock import Stopwatch
from actionlog_client.payload.encoder import PayloadEncoder
from actionlog_client.service.cancellation import CancellationToken
from actionlog_client.service.handlers import Check, Handler, Retry
from actionlog_client.service.outcomes import (
    INVALID_PARAMETERS,
    REFUSED,
    REPORTED_FAILURE,
    TIMEOUT,
    UNKNOWN_ACTION,
    ActionCancelled,
    ActionFailed,
    ActionResult,
    ActionSkipped,
    HandlerTimeout,
)
from actionlog_client.service.parameters import InvalidParameters
from actionlog_client.service.running import Runtime
from actionlog_client.service.secrets import known_secrets, revealed

_OUR_FOLDER: Final = os.path.dirname(__file__)
_decode_exact: Final = msgspec.json.Decoder(float_hook=Decimal).decode


@dataclass(slots=True)
class PlannedAction:
    """An action that is on record as pending, and not run yet. Made by ActionService.plan.

    handler is None for an action that nobody registered. What is planned must be run or skipped: see is_open.
    """

    attempt: ActionAttempt
    action_type: str
    asked: Any
    recorded: dict[str, Any]
    handler: Handler | None
    timeout: float | None
    retry: Retry
    facts: dict[str, Any]
    refusal: str

    @property
    def is_open(self) -> bool:
        return not self.attempt.is_final

    def skip(self, reason: str, *, error_type: str = REFUSED) -> ActionResult:
        """It is not run, for this reason."""
        self.attempt.mark_skipped(reason, error_type=error_type)
        return Execution(self, self.attempt, ()).result()


@dataclass(slots=True)
class Execution:
    """One attempt of a planned action. before: the ids of the attempts before it."""

    planned: PlannedAction
    attempt: ActionAttempt
    before: tuple[str, ...]
    cause: BaseException | None = None
    is_running: bool = False
    value: Any = None

    async def run(self, runtime: Runtime, token: CancellationToken) -> None:
        """Ends with an outcome. Raises only what is no Exception, such as KeyboardInterrupt: it is cancelled then."""
        try:
            arguments = await self._admit(runtime)
            if token.is_cancelled:
                self.attempt.mark_cancelled(f"Cancelled before it began: {token.reason}")
                return
            await self._handle(runtime, token, arguments)
        except ActionSkipped as error:
            self.cause = error
            self.attempt.mark_skipped(str(error), error_type=error.error_type, error_details=error.details)
        except ActionCancelled as error:
            self.cause = error
            self.attempt.mark_cancelled(str(error) or token.reason)
        except HandlerTimeout as error:
            self.cause, self.is_running = error, error.is_running
            self.attempt.mark_failure(str(error), {"is_still_running": error.is_running}, error_type=TIMEOUT)
        except ActionFailed as error:
            self.cause = error
            self.attempt.mark_failure(str(error), error.details, error_type=error.error_type)
        except Exception as error:
            self.cause = error.with_traceback(_handlers_part(error.__traceback__))
            self.attempt.mark_exception(error)
        except BaseException as error:
            self.attempt.mark_exception(error)
            raise

    def result(self, watch: Stopwatch | None = None) -> ActionResult:
        attempt = self.attempt
        return ActionResult(
            status=attempt.status,
            action_id=attempt.action_id,
            action_type=attempt.action_type,
            attempt_ids=(*self.before, attempt.attempt_id),
            parameters=self.planned.recorded,
            result=self.value if attempt.status != "success" else attempt.result,
            error_message=attempt.error_message,
            error_type=attempt.error_type,
            duration_seconds=watch.seconds() if watch is not None and attempt.started_at is not None else None,
            cause=self.cause,
        )

    async def _admit(self, runtime: Runtime) -> dict[str, Any]:
        """The handler's arguments. Raises ActionSkipped for what is not to be run."""
        planned, attempt, handler = self.planned, self.attempt, self.planned.handler
        if handler is None:
            raise ActionSkipped(planned.refusal, error_type=UNKNOWN_ACTION)
        try:
            bound = handler.signature.bind(planned.asked)
        except InvalidParameters as error:
            faults = [{"parameter": fault.parameter, "problem": fault.problem} for fault in error.faults]
            attempt.log_step("validation", "failed", {"faults": faults})
            raise ActionSkipped(str(error), {"faults": faults}, error_type=INVALID_PARAMETERS) from error
        secret_names = handler.signature.secret_names
        attempt.hide(*known_secrets(bound.arguments, secret_names))
        changed = {"coerced": bound.coerced, "defaults": bound.defaulted}
        attempt.log_step(
            "validation",
            "completed",
            {name: without_secrets(attempt.encoder, values, secret_names) for name, values in changed.items() if values}
            or None,
        )
        offered = {
            "action_type": planned.action_type,
            "parameters": bound.arguments,
            "incident_id": attempt.incident_id,
            "attempt": attempt,
            **bound.arguments,
        }
        for check in handler.checks:
            await self._check(runtime, check, offered)
        return bound.arguments

    async def _check(self, runtime: Runtime, check: Check, offered: dict[str, Any]) -> None:
        arguments = check.arguments(offered)
        try:
            with acting(self.attempt):
                said = await runtime.check(lambda: check.function(**arguments), is_async=check.is_async)
        except ActionSkipped as error:
            self.attempt.log_step(f"check {check.name}", "refused", {"reason": str(error)})
            raise
        except Exception as error:
            reason = f"The check {check.name} refused: {error}" if str(error) else f"The check {check.name} refused."
            self.attempt.log_step(f"check {check.name}", "refused", {"reason": error})
            raise ActionSkipped(reason, {"exception": error}) from error
        if said is None or said is True:
            self.attempt.log_step(f"check {check.name}", "completed")
            return
        reason = f"The check {check.name} refused." if said is False else said
        self.attempt.log_step(f"check {check.name}", "refused", {"reason": reason})
        raise ActionSkipped(reason if isinstance(reason, str) else f"The check {check.name} refused: {reason!r}")

    async def _handle(self, runtime: Runtime, token: CancellationToken, arguments: dict[str, Any]) -> None:
        handler, attempt = self.planned.handler, self.attempt
        assert handler is not None  # noqa: S101  # admitted
        injected: dict[type, Any] = {ActionAttempt: attempt, CancellationToken: token}
        arguments = arguments | {name: injected[kind] for name, kind in handler.signature.injected.items()}
        attempt.begin()
        attempt.log_step("execution", "started")
        with acting(attempt):
            value = await runtime.handle(
                lambda: handler.function(**arguments),
                is_async=handler.is_async,
                seconds=self.planned.timeout,
                token=token,
                late=self._late,
            )
        self._conclude(value)

    def _conclude(self, value: Any) -> None:
        """What the handler returned says whether it worked, unless it told the outcome itself."""
        self.value = value
        if self.attempt.is_final:
            return
        if isinstance(value, Mapping) and value.get("success") is False:
            message = value.get("error_message") or value.get("error") or value.get("message")
            self.attempt.mark_failure(
                message if message is not None else "The handler reported that it did not succeed.",
                value,
                error_type=value.get("error_type") or REPORTED_FAILURE,
            )
        else:
            self.attempt.mark_success(value)

    def _late(self, value: Any, error: BaseException | None) -> None:
        """The handler ended after nobody waited any more: told as a step, the outcome stays."""
        told = {"result": value} if error is None else {"exception": error}
        self.attempt.log_step("execution", "ended after its outcome was told", told)


def without_secrets(encoder: PayloadEncoder, parameters: Any, secret_names: frozenset[str]) -> Any:
    """The parameters with marks for those that are secret as a whole, however short they are."""
    if not isinstance(parameters, Mapping):
        return parameters
    told = {}
    for name, value in parameters.items():
        hidden = revealed(value)
        if name in secret_names or hidden is not value:
            tree = _decode_exact(encoder.json(hidden, "").json)
            told[name] = encoder.redactor.under("secret", tree)[1]
        else:
            told[name] = value
    return told


def _handlers_part(trace: TracebackType | None) -> TracebackType | None:
    """The traceback from the handler on: how it came to be called says nothing of why it failed."""
    found, frame = None, trace
    while frame is not None:
        if os.path.dirname(frame.tb_frame.f_code.co_filename) == _OUR_FOLDER:
            found = frame
        frame = frame.tb_next
    return (found.tb_next if found is not None else None) or trace
