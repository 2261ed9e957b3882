"""The engine on its own journal, without a server: what it plans, learns, and leaves behind."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from actionlog_client import ActionLogger
from actionlog_client.service import ActionResult
from demonstration.engine.actions import Actions
from demonstration.engine.engine import Engine
from demonstration.engine.playbooks import Experience
from demonstration.laboratory.laboratory import Laboratory
from demonstration.laboratory.monitor import Monitor, Symptom
from demonstration.tests.conftest import fault

FULL = Symptom("disk_full", "volume", "high", "full")


class Audience:
    def attempted(self, result: ActionResult) -> None:
        """Nobody watches."""


class Impatient:
    """Somebody who presses Ctrl-C when the first action has ended."""

    def attempted(self, result: ActionResult) -> None:
        raise KeyboardInterrupt


@pytest.fixture
def action_logger(tmp_path: Path) -> Iterator[ActionLogger]:
    with ActionLogger(journal_dir=tmp_path / "journal", json_store=tmp_path / "store") as action_logger:
        yield action_logger


def outcomes(action_logger: ActionLogger, incident_id: str) -> list[tuple[str, str]]:
    action_logger.flush()
    attempts: list[dict[str, Any]] = action_logger.get_action_attempts_by_incident(incident_id)
    return sorted((attempt["action_type"], attempt["status"]) for attempt in attempts)


def test_what_was_planned_and_is_no_longer_needed_is_skipped_with_the_reason(
    laboratory: Laboratory, monitor: Monitor, action_logger: ActionLogger
) -> None:
    engine = Engine(action_logger, monitor, Actions(laboratory, monitor), Audience())
    fault("uploads_left").inject(laboratory)
    resolution = engine.resolve("inc", monitor.symptoms())
    assert (resolution.status, resolution.root_cause) == ("resolved", "temporary files were left behind")
    assert outcomes(action_logger, "inc") == [("delete_temp_files", "success"), ("rotate_logs", "skipped")]


def test_when_nothing_helps_the_incident_is_escalated_with_what_is_still_seen(
    laboratory: Laboratory, monitor: Monitor, action_logger: ActionLogger
) -> None:
    engine = Engine(action_logger, monitor, Actions(laboratory, monitor), Audience())
    fault("core_dumps").inject(laboratory)
    resolution = engine.resolve("inc", monitor.symptoms())
    assert resolution.status == "escalated"
    assert [symptom.kind for symptom in resolution.remaining] == ["disk_full"]
    assert "The volume of the shop is full" in resolution.summary["escalation_reason"]
    assert outcomes(action_logger, "inc") == [("delete_temp_files", "failed"), ("rotate_logs", "failed")]


def test_an_engine_that_is_broken_off_leaves_nothing_planned(
    laboratory: Laboratory, monitor: Monitor, action_logger: ActionLogger
) -> None:
    engine = Engine(action_logger, monitor, Actions(laboratory, monitor), Impatient())
    fault("logs_grow").inject(laboratory)
    with pytest.raises(KeyboardInterrupt):
        engine.resolve("inc", monitor.symptoms())
    assert outcomes(action_logger, "inc") == [("delete_temp_files", "failed"), ("rotate_logs", "skipped")]


def test_what_repaired_is_trusted_more_and_what_did_not_less() -> None:
    experience = Experience()

    def order() -> list[str]:
        return [proposal.option.action_type for proposal in experience.proposals([FULL])]

    assert order() == ["delete_temp_files", "rotate_logs"]
    experience.learn("disk_full", "delete_temp_files", repaired=False)
    experience.learn("disk_full", "rotate_logs", repaired=True)
    assert order() == ["rotate_logs", "delete_temp_files"]
    assert all(0 < proposal.confidence < 1 for proposal in experience.proposals([FULL]))
