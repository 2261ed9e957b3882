"""What may be run of a plan, and how it is known that the incident is over."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from actionlog_client.service.handlers import Retry, name_of
from actionlog_client.service.outcomes import ActionResult


@dataclass(frozen=True, slots=True)
class Situation:
    """How far a plan has come, as Policy.until is told it.

    incident: as it was given. results: what came of the actions so far in their order, those that were not run among
    them; of one that is about to be tried again, what came of it so far.
    """

    incident: Any
    resolution_id: str
    results: tuple[ActionResult, ...] = ()

    @property
    def last(self) -> ActionResult | None:
        """What came of the action that ran last; None before the first."""
        return next((result for result in reversed(self.results) if result.status != "skipped"), None)


# Whether the incident is over, or that and a text why. Plain or async.
Until = Callable[[Situation], Any]


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be run of a plan. Raises ValueError for what cannot be meant.

    until: recommended actions are often alternatives. It is asked whether the incident is over before the first action,
    after each that ran, and before a failed one is tried again; once it says so, the rest is not run and the
    resolution is resolved, whatever failed before. It answers True or False, or (True or False, a text why). What it
    raises is told in the summary and counts as not over. It is waited for, however long it takes.

    stop_on_failure: after an action that was to run and is no success, the rest is not run, but for its own retries;
    after a critical one never. Unless told, True without until and False with it. most_attempts: how many attempts of
    all actions together, retries included; None for no bound. least_confidence: an action with less, or with none told,
    is skipped and the resolution escalated; None runs all. least_chance: likewise an action whose chance of success, as
    the server estimates it from what was recorded (by verdicts where it has any, else by what engines claimed), is
    less; one of which it knows nothing is run, and so are all while it has no answer within a second. retries: instead
    of those that the actions are registered with.
    """

    stop_on_failure: bool | None = None
    most_attempts: int | None = None
    least_confidence: float | None = None
    least_chance: float | None = None
    retries: int | Retry | None = None
    until: Until | None = None

    def __post_init__(self) -> None:
        if self.most_attempts is not None and self.most_attempts < 1:
            raise ValueError(f"most_attempts is 1 or more, or None for no bound, not {self.most_attempts!r}.")
        if self.least_confidence is not None and not 0 <= self.least_confidence <= 1:
            raise ValueError(f"least_confidence is a number from 0 to 1, not {self.least_confidence!r}.")
        if self.least_chance is not None and not 0 <= self.least_chance <= 1:
            raise ValueError(f"least_chance is a number from 0 to 1, not {self.least_chance!r}.")
        if self.until is not None and not callable(self.until):
            raise ValueError(f"until is a function of the Situation, or None, not {self.until!r}.")

    @property
    def stops_on_failure(self) -> bool:
        return self.until is None if self.stop_on_failure is None else self.stop_on_failure

    def facts(self) -> dict[str, Any]:
        """As it is told in a summary."""
        retries = self.retries.attempts if isinstance(self.retries, Retry) else self.retries
        return {
            "stop_on_failure": self.stops_on_failure,
            "most_attempts": self.most_attempts,
            "least_confidence": self.least_confidence,
            "least_chance": self.least_chance,
            "retries": retries,
            "until": None if self.until is None else name_of(self.until),
        }
