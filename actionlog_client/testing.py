"""An ActionLogger for your own tests: it keeps what it is told in memory, and a test asks it what was told.

    def test_a_restart_is_on_record():
        action_logger = InMemoryActionLogger()
        with action_logger.resolution("inc_001", severity="high"):
            with action_logger.start_action_attempt("restart-1", "restart_service", {"service": "web"}) as attempt:
                attempt.log_step("stop", "completed")
        (told,) = action_logger.attempts
        assert told["status"] == "success"
        assert told["parameters"] == {"service": "web"}
        assert [step["step"] for step in action_logger.steps(told["attempt_id"])] == ["stop"]
        assert action_logger.resolutions[0]["status"] == "resolved"

No thread, no file, no server. What is told is converted and redacted as it would be for one.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from actionlog_client.clock import SYSTEM_CLOCK, Clock
from actionlog_client.delivery.documents import documents_of
from actionlog_client.delivery.requests import Heartbeat
from actionlog_client.journal.entries import Kind
from actionlog_client.journal.memory import MemoryJournal
from actionlog_client.local_attempts import LocalAttempt, attempt_of, documents_by_attempt
from actionlog_client.local_statistics import statistics_of
from actionlog_client.logger import ActionLogger
from actionlog_client.payload.encoder import PayloadEncoder
from actionlog_client.redaction import Redactor

Document = dict[str, Any]


class FrozenClock(Clock):
    """A clock that stands still until advance() is called. start tells its offset; 2026-01-01 UTC unless told."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        if start.tzinfo is None:
            raise ValueError("The start of a clock needs an offset: datetime(..., tzinfo=UTC).")
        self._start: Final = start
        self._seconds = 0.0

    def advance(self, seconds: float) -> None:
        self._seconds += seconds

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._seconds)

    def monotonic(self) -> float:
        return self._seconds


class InMemoryActionLogger(ActionLogger):
    """An ActionLogger that keeps everything in memory. clock may be a FrozenClock.

    After `full = True` nothing more can be started, as on a full disk: that raises JournalFull.
    """

    def __init__(
        self,
        *,
        environment: str | None = None,
        engine: str | None = None,
        engine_version: str | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._memory: Final = MemoryRecorder(clock)
        super().__init__(
            url="",
            environment=environment,
            engine=engine,
            engine_version=engine_version,
            json_store="",
            clock=clock,
            recorder=self._memory,
        )

    @property
    def full(self) -> bool:
        return self._memory.journal.is_full

    @full.setter
    def full(self, full: bool) -> None:
        self._memory.journal.is_full = full

    @property
    def advised(self) -> Document | None:
        """What advice() answers whatever it is asked, as a server would; None, as without one, until it is set."""
        return self._memory.advised

    @advised.setter
    def advised(self, advised: Document | None) -> None:
        self._memory.advised = advised

    @property
    def questions(self) -> list[dict[str, str | None]]:
        """What advice() was asked, in order: the query parameters that a server would have got."""
        return self._memory.questions

    @property
    def attempts(self) -> list[Document]:
        """The action attempts in the order in which they were started, in the server's names.

        parameters, logs and extra are there also when nothing was told; other fields only when told.
        """
        return self._memory.documents("attempt")

    @property
    def resolutions(self) -> list[Document]:
        """The resolution attempts in the order in which they were started, in the server's names."""
        return self._memory.documents("resolution")

    def attempt(self, action_id: str) -> Document:
        """The last attempt of this action. Raises LookupError when there is none."""
        found = [attempt for attempt in self.attempts if attempt["action_id"] == action_id]
        if not found:
            known = sorted({attempt["action_id"] for attempt in self.attempts})
            raise LookupError(f"No attempt of the action {action_id!r} was told. Told were: {known}.")
        return found[-1]

    def steps(self, attempt_id: str | None = None) -> list[Document]:
        """The steps of one attempt, or of all, in the order in which they were told."""
        return [step for told in self.attempts if attempt_id in (None, told["attempt_id"]) for step in told["logs"]]

    def clear(self) -> None:
        """Forget what was told. What is still open should be ended before: the rest of it alone makes half a record."""
        self._memory.journal.clear()


class MemoryRecorder:
    """The Recorder of an InMemoryActionLogger."""

    def __init__(self, clock: Clock) -> None:
        # Of a constant key, so that a test may compare marks from one run to the next.
        self.encoder: Final = PayloadEncoder(Redactor.of_text("actionlog_client.testing"))
        self._clock: Final = clock
        self.journal: Final = MemoryJournal()
        self.append: Final = self.journal.append
        self.advised: Document | None = None
        self.questions: list[dict[str, str | None]] = []

    @property
    def journal_id(self) -> UUID:
        return self.journal.journal_id

    def tell_who_is_alive(self, heartbeats: Callable[[], Sequence[Heartbeat]]) -> None:
        """Nobody asks."""

    def documents(self, kind: Kind) -> list[Document]:
        """One for each record. Later documents about a resolution attempt change what earlier ones told."""
        told: dict[str, Document] = {}
        for document in documents_of(entry for entry in list(self.journal.entries) if entry.kind == kind):
            body: Document = msgspec.json.decode(document.body())
            known = told.setdefault(document.id, {})
            extra = {**body.get("extra", {}), **known.get("extra", {})}
            known.update(body, extra=extra)
        empty: Document = {"parameters": {}, "logs": []} if kind == "attempt" else {}
        return [{**empty, **document} for document in told.values()]

    def statistics(self, days_back: int) -> dict[str, Any]:
        return {**statistics_of(self._attempts(), days_back, self._clock.now()), "source": "local"}

    def attempts_by_incident(self, incident_id: str) -> list[Document]:
        """As the server's answers show them."""
        return [attempt.shown() for attempt in self._attempts() if attempt.incident_id == incident_id]

    def advice(self, case: Mapping[str, str | None], timeout: float) -> Document | None:
        self.questions.append(dict(case))
        return self.advised

    def health(self) -> dict[str, Any]:
        written = self.journal.written
        return {
            "journal_id": str(self.journal_id),
            "written": written,
            "delivered": 0,
            "waiting": 0,
            "refused": 0,
            "last_error": None,
        }

    def _attempts(self) -> list[LocalAttempt]:
        told = documents_by_attempt(list(self.journal.entries))
        return [attempt for document in told.values() if (attempt := attempt_of(document)) is not None]

    def flush(self, timeout: float | None) -> bool:
        return True

    def close(self, timeout: float | None, *, patient: bool = True) -> bool:
        return True
