"""ActionService: the actions that an engine can run, each run of which is a recorded attempt."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, TypeVar, overload

import msgspec

from actionlog_client.clock import Stopwatch
from actionlog_client.identifiers import new_id
from actionlog_client.logger import ActionLogger
from actionlog_client.resolution import current_resolution
from actionlog_client.service.cancellation import CancellationToken
from actionlog_client.service.execution import Execution, PlannedAction, without_secrets
from actionlog_client.service.handlers import Handler, Retry, RetryOn, check_of, is_async
from actionlog_client.service.outcomes import ActionResult
from actionlog_client.service.parameters import Signature
from actionlog_client.service.running import Blocking, InLoop, Runtime, drive
from actionlog_client.service.secrets import known_secrets

# What may be told of each attempt of an action, retries too: not what makes one attempt that one.
FACTS: Final = frozenset(
    {
        "resolution",
        "resolution_id",
        "incident_type",
        "environment",
        "target",
        "reason",
        "confidence",
        "critical",
        "expected_seconds",
        "trace_id",
        "approved_by",
    }
)

Function = TypeVar("Function", bound=Callable[..., Any])


class ActionService:
    """Registers action handlers and executes them with full logging.

        service = ActionService(ActionLogger())

        @service.register("restart_service", timeout=30)
        def restart_service(service: str, force: bool = False) -> dict[str, int]:
            ...

        result = service.execute("restart_service", {"service": "web", "force": "true"}, incident_id="inc_001")

    Actions are registered before the service is shared between threads; they may be executed from any.
    """

    def __init__(
        self,
        action_logger: ActionLogger,
        *,
        timeout: float | None = None,
        retries: int | Retry = 0,
        retry_on: RetryOn | None = None,
        checks: Iterable[Callable[..., Any]] = (),
    ) -> None:
        """timeout in seconds, retries and checks are those of every action: an action's own timeout and retries take
        their place, its own checks come after these."""
        self.action_logger: Final = action_logger
        self._handlers: Final[dict[str, Handler]] = {}
        self._timeout: Final = _seconds(timeout)
        self._retry: Final = _retry(retries, retry_on)
        self._checks: Final = tuple(check_of(check, None) for check in checks)

    @property
    def action_types(self) -> list[str]:
        """What is registered, sorted."""
        return sorted(self._handlers)

    @overload
    def register(
        self,
        action_type: str,
        handler: Function,
        *,
        timeout: float | None = None,
        retries: int | Retry | None = None,
        retry_on: RetryOn | None = None,
        checks: Iterable[Callable[..., Any]] = (),
        **facts: Any,
    ) -> Function: ...

    @overload
    def register(
        self,
        action_type: str,
        handler: None = None,
        *,
        timeout: float | None = None,
        retries: int | Retry | None = None,
        retry_on: RetryOn | None = None,
        checks: Iterable[Callable[..., Any]] = (),
        **facts: Any,
    ) -> Callable[[Function], Function]: ...

    def register(
        self,
        action_type: str,
        handler: Any = None,
        *,
        timeout: float | None = None,
        retries: int | Retry | None = None,
        retry_on: RetryOn | None = None,
        checks: Iterable[Callable[..., Any]] = (),
        **facts: Any,
    ) -> Any:
        """Register a handler, or decorate one; it stays the function it was.

        A handler is a plain or async function whose parameters are told by name. One annotated ActionAttempt is given
        the attempt, one annotated CancellationToken the token; `Annotated[str, Secret]` is never logged. What it
        returns is the result; {"success": False, ...} or an exception is a failure, see outcomes.py for more.

        timeout in seconds: the attempt is failed then (error_type "timeout"). An async handler is cancelled; a plain
        one runs in a thread of its own, which cannot be stopped: its token is cancelled, what it does afterwards
        changes no outcome, and it is not tried again while it may still be running.

        checks are called before it with those parameters that they name, and action_type, parameters, incident_id,
        attempt if they ask: None or True lets the action run; False, a reason or an exception refuses it. retries:
        how often a failure is tried again, as a new attempt; retry_on: after which exceptions (a tuple), or a function
        of the ActionResult. facts are those of start_action_attempt, such as critical or expected_seconds.

        Raises ValueError for a name that is taken, TypeError for a function that cannot be a handler and for a fact
        that is none.
        """
        checks = list(checks)
        _refuse_unknown(facts)

        def add(function: Function) -> Function:
            if action_type in self._handlers:
                raise ValueError(f"The action {action_type!r} is registered already.")
            signature = Signature(function)
            names = None if signature.takes_any else signature.names
            self._handlers[action_type] = Handler(
                function=function,
                signature=signature,
                is_async=is_async(function),
                timeout=self._timeout if timeout is None else _seconds(timeout),
                checks=(*self._checks, *(check_of(check, names) for check in checks)),
                retry=self._retry if retries is None and retry_on is None else _retry(retries or 0, retry_on),
                facts=facts,
            )
            return function

        return add if handler is None else add(handler)

    def execute(
        self,
        action_type: str,
        parameters: Mapping[str, Any] | None = None,
        incident_id: Any = None,
        *,
        action_id: Any = None,
        timeout: float | None = None,
        retries: int | Retry | None = None,
        token: CancellationToken | None = None,
        **facts: Any,
    ) -> ActionResult:
        """Run an action to its end; what came of it is the result, and no failure is raised (see raise_for_status).

        timeout and retries take the place of those registered. facts are those of start_action_attempt: resolution,
        target, reason, confidence and so on. An async handler runs in an event loop of its own. An action that is
        unknown, refused, or given invalid parameters is recorded as skipped.

        Raises JournalFull when it cannot be logged: it is not run then. KeyboardInterrupt and the like are raised on,
        and the attempt is cancelled.
        """
        planned = self.plan(
            action_type, parameters, incident_id, action_id=action_id, timeout=timeout, retries=retries, **facts
        )
        return self.run(planned, token=token)

    async def execute_async(
        self,
        action_type: str,
        parameters: Mapping[str, Any] | None = None,
        incident_id: Any = None,
        *,
        action_id: Any = None,
        timeout: float | None = None,  # noqa: ASYNC109  # of the handler, and recorded
        retries: int | Retry | None = None,
        token: CancellationToken | None = None,
        **facts: Any,
    ) -> ActionResult:
        """As execute. A plain handler runs in a thread; when the calling task is cancelled, so is the attempt."""
        planned = self.plan(
            action_type, parameters, incident_id, action_id=action_id, timeout=timeout, retries=retries, **facts
        )
        return await self.run_async(planned, token=token)

    def plan(
        self,
        action_type: str,
        parameters: Mapping[str, Any] | None = None,
        incident_id: Any = None,
        *,
        action_id: Any = None,
        timeout: float | None = None,
        retries: int | Retry | None = None,
        retry_of: Any = None,
        **facts: Any,
    ) -> PlannedAction:
        """Record that an action is going to be run: an attempt that is pending until run() or skip(). Nothing is
        validated yet. retry_of: the attempt, or its id, that this one tries again. Raises JournalFull, and before
        anything is on record TypeError for a fact that is none and ValueError for a timeout or retries that cannot be
        meant."""
        handler = self._handler(action_type)
        # Before anything is on record: what raises here leaves nothing pending.
        _refuse_unknown(facts)
        seconds = _seconds(timeout) if timeout is not None else (handler.timeout if handler else None)
        retry = _retry(retries, None) if retries is not None else (handler.retry if handler else Retry())
        asked = {} if parameters is None else parameters
        facts = {"resolution": current_resolution(), **(handler.facts if handler else {}), **facts}
        attempt = self.action_logger.start_action_attempt(
            action_id if action_id is not None else f"{action_type}_{new_id()[-12:]}",
            action_type,
            self.recordable(action_type, asked),
            incident_id,
            status="pending",
            retry_of=retry_of,
            secrets=self.secrets_in(action_type, asked),
            **facts,
        )
        known = ", ".join(self.action_types) or "none"
        return PlannedAction(
            attempt=attempt,
            action_type=action_type,
            asked=asked,
            recorded=msgspec.json.decode(attempt.encoder.object(attempt.parameters, "parameters").json),
            handler=handler,
            timeout=seconds,
            retry=retry,
            facts=facts,
            refusal=f"There is no action {action_type!r}. Registered are: {known}.",
        )

    def recordable(self, action_type: Any, parameters: Any) -> Any:
        """The parameters of an action with marks for those that its handler declares secret."""
        return without_secrets(self.action_logger.encoder, parameters, self._secret_names(action_type))

    def secrets_in(self, action_type: Any, parameters: Any) -> set[str]:
        """The texts in the parameters of an action that are secret."""
        return known_secrets(parameters, self._secret_names(action_type)) if isinstance(parameters, Mapping) else set()

    def _handler(self, action_type: Any) -> Handler | None:
        return self._handlers.get(action_type) if isinstance(action_type, str) else None

    def _secret_names(self, action_type: Any) -> frozenset[str]:
        handler = self._handler(action_type)
        return handler.signature.secret_names if handler else frozenset()

    def run(
        self, planned: PlannedAction, *, token: CancellationToken | None = None, most_attempts: int | None = None
    ) -> ActionResult:
        """Run what was planned, with its retries, but at most so many attempts. Raises as execute."""
        return drive(self.run_with(Blocking(), planned, token, most_attempts))

    async def run_async(
        self, planned: PlannedAction, *, token: CancellationToken | None = None, most_attempts: int | None = None
    ) -> ActionResult:
        """As run, for callers in an event loop."""
        return await self.run_with(InLoop(), planned, token, most_attempts)

    async def run_with(
        self,
        runtime: Runtime,
        planned: PlannedAction,
        token: CancellationToken | None,
        most_attempts: int | None,
        is_needed: Callable[[ActionResult], Awaitable[bool]] | None = None,
    ) -> ActionResult:
        """As run, in a runtime that is told. is_needed is asked before each retry, after its pause; what it raises is
        raised on."""
        retry, logger = planned.retry, self.action_logger
        most = retry.attempts + 1 if most_attempts is None else min(retry.attempts + 1, most_attempts)
        asked_to_stop = token or CancellationToken()
        watch = Stopwatch(logger.clock)
        execution = Execution(planned, planned.attempt, ())
        while True:
            own = asked_to_stop.child()
            try:
                await execution.run(runtime, own)
            finally:
                own.detach()
            result = execution.result(watch)
            tried = len(result.attempt_ids)
            if tried >= most or execution.is_running or not retry.applies_to(result):
                return result
            if await runtime.pause(retry.pause_before(tried), asked_to_stop):
                return result
            if is_needed is not None and not await is_needed(result):
                return result
            before = execution.attempt
            again = logger.start_action_attempt(
                before.action_id,
                planned.action_type,
                before.parameters,
                before.incident_id,
                status="pending",
                retry_of=before,
                secrets=self.secrets_in(planned.action_type, planned.asked),
                **planned.facts,
            )
            execution = Execution(planned, again, result.attempt_ids)


def _refuse_unknown(facts: dict[str, Any]) -> None:
    unknown = sorted(facts.keys() - FACTS)
    if unknown:
        raise TypeError(f"No fact of an action is {', '.join(unknown)}. There are: {', '.join(sorted(FACTS))}.")


def _seconds(timeout: float | None) -> float | None:
    if timeout is not None and not timeout > 0:
        raise ValueError(f"A timeout is a number of seconds above 0, or None for none, not {timeout!r}.")
    return timeout


def _retry(retries: int | Retry, retry_on: RetryOn | None) -> Retry:
    if isinstance(retries, Retry):
        if retry_on is not None:
            raise ValueError("Tell retry_on within Retry(on=...), or beside a number of retries.")
        return retries
    if retries < 0:
        raise ValueError(f"retries is how often a failure is tried again, 0 or more, not {retries!r}.")
    return Retry(attempts=retries, on=retry_on)
