"""ActionLogger: the calls an engine makes. What they tell is on the local disk when they return.

How an entry gets to the disk and to the server is the recorder's matter (recorder.py).
"""

import os
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Literal, Self, TypeVar
from uuid import UUID

import msgspec

from actionlog_client.advice import ADVICE_SECONDS, MOST_PARAMETER_CHARACTERS
from actionlog_client.attempt import ActionAttempt
from actionlog_client.clock import SYSTEM_CLOCK, Clock, Stopwatch
from actionlog_client.decorator import recorded
from actionlog_client.journal.entries import Kind, Weight
from actionlog_client.payload.encoder import PayloadEncoder
from actionlog_client.payload.hiding import hiding
from actionlog_client.recorder import LocalRecorder, Recorder
from actionlog_client.resolution import SEVERITIES, ResolutionAttempt, current_resolution
from actionlog_client.settings import Settings, read_settings
from actionlog_client.telling import Telling

Function = TypeVar("Function", bound=Callable[..., Any])

_encode: Final = msgspec.json.Encoder().encode
IN_PROGRESS: Final = "in_progress"
OPEN_STATUSES: Final = ("pending", IN_PROGRESS)
NO_SECRETS: Final = ()
# An attempt may belong to no incident, but a document must name one.
NO_INCIDENT: Final = "no incident"


class ActionLogger:
    """Records action attempts. One for a process is enough; its methods may be called from any thread, and after fork.

    Settings come from the arguments, else from ACTIONLOG_URL, ACTIONLOG_API_KEY, ACTIONLOG_JOURNAL_DIR,
    ACTIONLOG_ENVIRONMENT and the others in settings.py. Without a URL it works from local files alone. Raises
    ValueError for settings that cannot be meant; nothing else raises but JournalFull, by the calls that start
    something when there is no room to log it.
    """

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        journal_dir: str | os.PathLike[str] | None = None,
        environment: str | None = None,
        *,
        engine: str | None = None,
        engine_version: str | None = None,
        json_store: str | os.PathLike[str] | None = None,
        disk_budget: int | None = None,
        fsync: bool = False,
        redaction_key: str | None = None,
        clock: Clock = SYSTEM_CLOCK,
        recorder: Recorder | None = None,
    ) -> None:
        """json_store: the folder of one file for each completed attempt, "" for none. disk_budget in bytes.

        recorder takes the place of local files and delivery; testing.py has one.
        """
        self.settings: Final[Settings] = read_settings(
            url,
            api_key,
            journal_dir,
            environment,
            engine=engine,
            engine_version=engine_version,
            json_store=json_store,
            disk_budget=disk_budget,
            fsync=fsync,
            redaction_key=redaction_key,
        )
        self.clock: Final = clock
        self._open: set[weakref.ref[ActionAttempt | ResolutionAttempt]] = set()
        self._recorder: Final = recorder or LocalRecorder(self.settings, clock=clock)
        # For attempts and resolutions.
        self.append: Final = self._recorder.append
        self._recorder.tell_who_is_alive(self._still_open)
        self.encoder: Final[PayloadEncoder] = self._recorder.encoder
        self._engine_facts: Final[dict[str, Any]] = self._facts_of_engine()
        _alive.add(self)

    def start_action_attempt(
        self,
        action_id: Any,
        action_type: Any,
        parameters: Any = None,
        incident_id: Any = None,
        *,
        status: Literal["pending", "in_progress"] = "in_progress",
        attempt_id: Any = None,
        resolution: ResolutionAttempt | None = None,
        resolution_id: Any = None,
        incident_type: Any = None,
        environment: Any = None,
        target: Any = None,
        reason: Any = None,
        confidence: Any = None,
        critical: Any = None,
        expected_seconds: Any = None,
        retry_of: Any = None,
        trace_id: Any = None,
        approved_by: Any = None,
        secrets: Any = NO_SECRETS,
    ) -> ActionAttempt:
        """An action is about to run (or planned: status pending). Raises JournalFull when it cannot be logged.

        secrets: a text or several, marked wherever they turn up in what is told of this attempt: see hide().
        Inside a `with resolution(...)` block, or with a resolution, the attempt takes its incident and its type.
        retry_of is the attempt (or its id) that is tried again; environment is the logger's unless told.
        """
        resolution = resolution or current_resolution()
        encoder = self.encoder if secrets is NO_SECRETS else hiding(self.encoder, secrets)
        telling = Telling(encoder, self._engine_facts.copy())
        attempt_id = telling.record_id("attempt_id", attempt_id)
        begun = status is IN_PROGRESS or telling.chosen("status", status, OPEN_STATUSES) != "pending"
        if resolution is not None:
            incident_id = incident_id if incident_id is not None else resolution.incident_id
            incident_type = incident_type if incident_type is not None else resolution.incident_type
            environment = environment if environment is not None else resolution.environment
            resolution_id = resolution_id if resolution_id is not None else resolution.resolution_id
        action_id = telling.identity("action_id", action_id)
        action_type = telling.shortened("action_type", action_type)
        incident_id = telling.identity("incident_id", NO_INCIDENT if incident_id is None else incident_id)
        identity = _encode({"action_id": action_id, "action_type": action_type, "incident_id": incident_id})
        watch = Stopwatch(self.clock)
        if begun:
            telling.time("started_at", watch.started_at)
        telling.object("parameters", parameters)
        telling.short("environment", self.settings.environment if environment is None else environment)
        # In groups: a call for each that tells nothing would be felt, and most attempts tell little of these.
        if resolution_id is not None or incident_type is not None:
            telling.uuid("resolution_id", resolution_id)
            telling.short("incident_type", incident_type)
        if target is not None or reason is not None or confidence is not None or critical is not None:
            telling.short("target", target)
            telling.text("reason", reason)
            telling.fraction("confidence", confidence)
            telling.truth("critical", critical)
        if expected_seconds is not None or retry_of is not None or trace_id is not None or approved_by is not None:
            telling.seconds("expected_seconds", expected_seconds)
            telling.uuid("retry_of", retry_of.attempt_id if issubclass(type(retry_of), ActionAttempt) else retry_of)
            telling.short("trace_id", trace_id)
            telling.short("approved_by", approved_by)
        attempt = ActionAttempt(
            self,
            attempt_id=attempt_id,
            action_id=action_id,
            action_type=action_type,
            incident_id=incident_id,
            identity=identity,
            parameters=parameters,
            status="in_progress" if begun else "pending",
            watch=watch,
            encoder=encoder,
            on_outcome=None if resolution is None else resolution.count,
        )
        self.append(
            "attempt",
            attempt.attempt_id,
            identity,
            attempt.status,
            facts=telling.facts(),
            extra=telling.extra(),
            weight=Weight.START,
        )
        self._remember(attempt)
        return attempt

    def complete_action_attempt(self, attempt: ActionAttempt) -> None:
        """No more will be told of this attempt. Without an outcome told before, it ends with its outcome unknown."""
        attempt.complete()

    def action(
        self,
        action_type: str,
        *,
        action_id: str | None = None,
        incident_id: str | None = None,
        **facts: Any,
    ) -> Callable[[Function], Function]:
        """Decorate a function, plain or async, so that each call of it is a recorded attempt.

        The arguments become the parameters, what it returns the result, an exception the failure. The incident is
        incident_id, else the call's own argument of that name, else that of the `with resolution(...)` block. facts
        are those of start_action_attempt. Inside, current_attempt() is the attempt.
        """
        return recorded(self, action_type, action_id=action_id, incident_id=incident_id, facts=facts)

    def resolution(
        self,
        incident_id: Any,
        *,
        incident_type: Any = None,
        severity: Any = None,
        service: Any = None,
        title: Any = None,
        confidence: Any = None,
        environment: Any = None,
        recommended_actions: Any = None,
        resolution_id: Any = None,
    ) -> ResolutionAttempt:
        """The engine begins to work on an incident. Raises JournalFull when it cannot be logged.

        A context manager: the attempts started in its block belong to it. severity is critical, high, medium, low or
        info.
        """
        telling = Telling(self.encoder, self._engine_facts.copy())
        incident_id = telling.identity("incident_id", NO_INCIDENT if incident_id is None else incident_id)
        watch = Stopwatch(self.clock)
        telling.time("started_at", watch.started_at)
        telling.time("updated_at", watch.started_at)
        telling.short("incident_type", incident_type)
        telling.choice("severity", severity, SEVERITIES)
        telling.short("service", service)
        telling.text("title", title)
        telling.fraction("confidence", confidence)
        telling.short("environment", self.settings.environment if environment is None else environment)
        telling.list("recommended_actions", recommended_actions)
        identity = _encode({"incident_id": incident_id})
        resolution = ResolutionAttempt(
            self,
            resolution_id=telling.record_id("resolution_id", resolution_id),
            incident_id=incident_id,
            incident_type=incident_type,
            environment=environment,
            confidence=confidence,
            identity=identity,
            watch=watch,
        )
        self.append(
            "resolution",
            resolution.resolution_id,
            identity,
            "in_progress",
            facts=telling.facts(),
            extra=telling.extra(),
            weight=Weight.START,
        )
        self._remember(resolution)
        return resolution

    def get_action_statistics(self, days_back: int = 7) -> dict[str, Any]:
        """The figures of the last days_back times 24 hours: success_rate, total_attempts, by_action_type and more.

        From the server; while it cannot be reached, or none is configured, from local files. "source" says which.
        "exact" is False when they are not the figures of all that was recorded, as when the disk budget has removed
        some of it here; "inexact_because" then says why.
        """
        return self._recorder.statistics(days_back)

    def get_action_attempts_by_incident(self, incident_id: str) -> list[dict[str, Any]]:
        """The attempts of an incident, the first one first: action_type, status, parameters, logs and all other fields.

        From the server; while it cannot be reached, or none is configured, from local files.
        """
        return self._recorder.attempts_by_incident(self.encoder.identity(incident_id)[0])

    def advice(
        self,
        action_type: Any = None,
        parameters: Any = None,
        *,
        incident_type: Any = None,
        environment: Any = None,
        incident_id: Any = None,
        secrets: Any = NO_SECRETS,
        timeout: float = ADVICE_SECONDS,
    ) -> dict[str, Any] | None:
        """What worked before in such a case, and the chance that this action succeeds: the answer of /api/advice/.

        None when the server has no answer within timeout seconds, or there is no server: never raises, and an engine
        acts as it would without. Told are action_type, incident_type or both; inside a `with resolution(...)` block the
        incident and its type are those of the block, and environment is the logger's unless told. Parameters are
        compared as they are recorded, without secrets. In an event loop: await asyncio.to_thread(logger.advice, ...).
        """
        resolution = current_resolution()
        if resolution is not None:
            incident_type = incident_type if incident_type is not None else resolution.incident_type
            environment = environment if environment is not None else resolution.environment
            incident_id = incident_id if incident_id is not None else resolution.incident_id
        environment = self.settings.environment if environment is None else environment
        encoder = self.encoder if secrets is NO_SECRETS else hiding(self.encoder, secrets)
        told = None if parameters is None else encoder.object(parameters, "parameters").json.decode()
        return self._recorder.advice(
            {
                "action_type": encoder.short(action_type)[0] or None,
                "incident_type": encoder.short(incident_type)[0] or None,
                "environment": encoder.short(environment)[0] or None,
                "incident_id": None if incident_id is None else encoder.identity(incident_id)[0],
                "parameters": told if told is None or len(told) <= MOST_PARAMETER_CHARACTERS else None,
            },
            timeout,
        )

    @property
    def journal_id(self) -> UUID | None:
        """The journal of this process, as the engines page lists it; None before the first entry."""
        return self._recorder.journal_id

    def health(self) -> dict[str, Any]:
        """How delivery stands: journal_id, written, delivered, waiting, refused (entries of this process), last_error
        (why nothing is delivered at the moment, or None). Asks nobody."""
        return self._recorder.health()

    def flush(self, timeout: float | None = 10.0) -> bool:
        """Wait until all that was told so far is on the server (or, without one, in its files), for at most so many
        seconds. Whether it is."""
        return self._recorder.flush(timeout)

    def close(self, timeout: float | None = 5.0, *, patient: bool = True) -> bool:
        """Flush, and let go of files and threads. Whether all was delivered; what was not is sent by the next engine
        that uses the same folder. Not patient: a server that cannot be reached is not waited for. A call after it
        opens a new journal."""
        return self._recorder.close(timeout, patient=patient)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _remember(self, record: ActionAttempt | ResolutionAttempt) -> None:
        """It is open, until it has ended or nobody holds it any more."""
        still_open = self._open
        still_open.add(weakref.ref(record, still_open.discard))

    def forget(self, record: ActionAttempt | ResolutionAttempt) -> None:
        """It has ended: no more heartbeats."""
        self._open.discard(weakref.ref(record))

    def start_anew(self) -> None:
        """In a forked child: what is open is the parent's, who says that it is alive. The child may tell of it too."""
        for reference in list(self._open):
            if (record := reference()) is not None:
                record.start_anew()
        self._open = set()

    def _still_open(self) -> list[tuple[Kind, bytes]]:
        """A heartbeat for each attempt and resolution that has not ended."""
        return [
            ("attempt" if isinstance(record, ActionAttempt) else "resolution", record.heartbeat_body())
            # At once: other threads start and end attempts meanwhile, which a set does not stand.
            for reference in list(self._open)
            if (record := reference()) is not None
        ]

    def _facts_of_engine(self) -> dict[str, Any]:
        told = {"engine": self.settings.engine, "engine_version": self.settings.engine_version}
        return {name: self.encoder.short(value)[0] for name, value in told.items() if value is not None}


_alive: "weakref.WeakSet[ActionLogger]" = weakref.WeakSet()


def _start_anew_in_child() -> None:
    for action_logger in list(_alive):
        action_logger.start_anew()


os.register_at_fork(after_in_child=_start_anew_in_child)
