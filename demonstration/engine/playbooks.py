"""What the engine thinks of for each symptom, and how much it trusts each: at first a guess, then what came of it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from demonstration.laboratory.monitor import Kind, Symptom

GUESS_WEIGHT: Final = 4.0
"""A first guess counts as so many attempts."""


@dataclass(frozen=True)
class Option:
    """An action that may help. implies: what was wrong, if it does. harder: the parameters to try again with at once
    when it did not."""

    action_type: str
    reason: str
    guess: float
    target: str
    implies: str
    expected_seconds: float = 1.0
    harder: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Proposal:
    """An option, for a symptom, with the confidence of the moment."""

    symptom: Symptom
    option: Option
    confidence: float


RESTART: Final = Option(
    "restart_service",
    "It may be a state that a new process does not have.",
    guess=0.7,
    target="shop",
    implies="the process had ended, or stood still",
)
ROLLBACK: Final = Option(
    "rollback_release",
    "The last release may be to blame.",
    guess=0.55,
    target="shop",
    implies="the last release was bad",
)

PLAYBOOKS: Final[dict[Kind, tuple[Option, ...]]] = {
    "service_down": (RESTART, ROLLBACK),
    # What does not answer may not end by being asked to, either.
    "service_unresponsive": (replace(RESTART, harder={"force": True}), ROLLBACK),
    "service_errors": (RESTART, ROLLBACK),
    "stale_data": (
        Option(
            "warm_cache",
            "The cheapest way to a fresh cache.",
            guess=0.85,
            target="catalogue",
            implies="nothing was cached",
        ),
        Option(
            "clear_cache",
            "What is cached is old: without it the source is read.",
            guess=0.8,
            target="catalogue",
            implies="the cache was not told of a new catalogue",
        ),
    ),
    "disk_full": (
        Option(
            "delete_temp_files",
            "Temporary files are nobody's loss.",
            guess=0.7,
            target="volume",
            implies="temporary files were left behind",
        ),
        Option(
            "rotate_logs",
            "Packed logs take a tenth of the room.",
            guess=0.65,
            target="volume",
            implies="logs had grown",
        ),
    ),
    "connections_exhausted": (
        Option(
            "drain_connections",
            "Idle connections can be had back without harm.",
            guess=0.7,
            target="worker",
            implies="the worker kept idle connections",
        ),
        Option(
            "terminate_leaked_connections",
            "Transactions that stand still do no work.",
            guess=0.6,
            target="database",
            implies="connections were lost in the midst of transactions",
        ),
        Option(
            "raise_limit",
            "The work may have grown.",
            guess=0.5,
            target="database",
            implies="there was more work than connections",
        ),
        Option(
            "restart_worker",
            "A new worker has lost nothing yet.",
            guess=0.4,
            target="worker",
            implies="the worker lost its connections again and again",
        ),
    ),
}


class Experience:
    """How often an action repaired a symptom, in this run."""

    def __init__(self) -> None:
        self._tried: Counter[tuple[Kind, str]] = Counter()
        self._repaired: Counter[tuple[Kind, str]] = Counter()

    def learn(self, kind: Kind, action_type: str, repaired: bool) -> None:
        self._tried[kind, action_type] += 1
        self._repaired[kind, action_type] += repaired

    def proposals(self, symptoms: Iterable[Symptom]) -> list[Proposal]:
        """What may help against these symptoms, what is trusted most first."""
        proposals = [
            Proposal(symptom, option, self._confidence(symptom.kind, option))
            for symptom in symptoms
            for option in PLAYBOOKS[symptom.kind]
        ]
        return sorted(proposals, key=lambda proposal: -proposal.confidence)

    def _confidence(self, kind: Kind, option: Option) -> float:
        tried, repaired = self._tried[kind, option.action_type], self._repaired[kind, option.action_type]
        return round((option.guess * GUESS_WEIGHT + repaired) / (GUESS_WEIGHT + tried), 3)
