"""The right action really repairs what a fault broke, the wrong one does not, and each says what came of it."""

from typing import Any

import pytest

from demonstration.engine.actions import ACTION_TYPES, Actions, NotRepaired
from demonstration.engine.playbooks import PLAYBOOKS
from demonstration.laboratory.child import ChildError
from demonstration.laboratory.laboratory import Laboratory
from demonstration.laboratory.monitor import Kind, Monitor
from demonstration.tests.conftest import fault

DOWN: Kind = "service_down"
EXHAUSTED: Kind = "connections_exhausted"


@pytest.fixture
def actions(laboratory: Laboratory, monitor: Monitor) -> Actions:
    return Actions(laboratory, monitor)


@pytest.mark.parametrize(
    ("broken", "symptom", "wrong", "right"),
    [
        ("bad_release", "service_errors", ["restart_service"], ["rollback_release"]),
        ("stale_cache", "stale_data", ["warm_cache"], ["clear_cache"]),
        ("logs_grow", "disk_full", ["delete_temp_files"], ["rotate_logs"]),
        ("uploads_left", "disk_full", ["rotate_logs"], ["delete_temp_files"]),
        ("pool_hoards", EXHAUSTED, ["terminate_leaked_connections"], ["drain_connections"]),
        ("pool_leaks", EXHAUSTED, ["drain_connections"], ["terminate_leaked_connections"]),
        (
            "pool_leaks_on",
            EXHAUSTED,
            ["drain_connections", "terminate_leaked_connections", "raise_limit"],
            ["restart_worker"],
        ),
        (
            "peak",
            EXHAUSTED,
            ["drain_connections", "terminate_leaked_connections", "restart_worker"],
            ["raise_limit"],
        ),
    ],
)
def test_only_the_right_action_repairs(
    broken: str, symptom: Kind, wrong: list[str], right: list[str], laboratory: Laboratory, actions: Actions
) -> None:
    fault(broken).inject(laboratory)
    for name in wrong:
        with pytest.raises(NotRepaired, match="Still: "):
            getattr(actions, name)(symptom=symptom)
    for name in right:
        getattr(actions, name)(symptom=symptom)
    assert Monitor(laboratory).symptoms() == []


def test_a_service_that_was_killed_comes_back_as_another_process_on_the_same_port(
    laboratory: Laboratory, actions: Actions
) -> None:
    before, port = laboratory.service.pid, laboratory.service.port
    fault("service_killed").inject(laboratory)
    assert actions.restart_service(symptom=DOWN) == {"process_before": None, "process": laboratory.service.pid}
    assert laboratory.service.pid not in (None, before)
    assert laboratory.service.port == port


def test_a_service_that_hangs_does_not_end_by_being_asked_and_does_by_force(
    laboratory: Laboratory, actions: Actions
) -> None:
    fault("service_hangs").inject(laboratory)
    with pytest.raises(TimeoutError, match=r"did not end in 0\.3 s"):
        actions.restart_service(symptom="service_unresponsive", grace_seconds=0.3)
    actions.restart_service(symptom="service_unresponsive", force=True)
    assert Monitor(laboratory).symptoms() == []


def test_a_release_that_cannot_be_read_says_so_at_each_start_until_it_is_rolled_back(
    laboratory: Laboratory, actions: Actions
) -> None:
    fault("release_does_not_start").inject(laboratory)
    with pytest.raises(ChildError, match="JSONDecodeError"):
        actions.restart_service(symptom=DOWN)
    actions.rollback_release(symptom=DOWN)
    assert Monitor(laboratory).symptoms() == []


def test_a_cache_cannot_be_cleared_while_the_service_is_down(laboratory: Laboratory, actions: Actions) -> None:
    fault("stale_cache_service_down").inject(laboratory)
    with pytest.raises(ConnectionRefusedError):
        actions.clear_cache(symptom="stale_data")
    actions.restart_service(symptom=DOWN)
    assert [symptom.kind for symptom in Monitor(laboratory).symptoms()] == ["stale_data"]
    actions.clear_cache(symptom="stale_data")
    assert Monitor(laboratory).symptoms() == []


@pytest.mark.parametrize(
    ("broken", "symptom"),
    [("two_bad_releases", "service_errors"), ("core_dumps", "disk_full"), ("great_peak", EXHAUSTED)],
)
def test_nothing_that_the_engine_knows_repairs_these(
    broken: str, symptom: Kind, laboratory: Laboratory, actions: Actions
) -> None:
    fault(broken).inject(laboratory)
    for option in PLAYBOOKS[symptom]:
        with pytest.raises(NotRepaired):
            getattr(actions, option.action_type)(symptom=symptom)
    assert [seen.kind for seen in Monitor(laboratory).symptoms()] == [symptom]


def test_a_limit_is_never_raised_beyond_what_the_role_may_have(laboratory: Laboratory, actions: Actions) -> None:
    with pytest.raises(ValueError, match="at most 12"):
        actions.raise_limit(symptom=EXHAUSTED, by=100)
    assert laboratory.pool is not None
    assert laboratory.pool.database.limit() == 6


def test_every_option_of_a_playbook_is_an_action_with_the_parameters_it_is_given(actions: Actions) -> None:
    options = [option for playbook in PLAYBOOKS.values() for option in playbook]
    assert {option.action_type for option in options} == set(ACTION_TYPES)
    for option in options:
        named: dict[str, Any] = getattr(actions, option.action_type).__annotations__
        assert set(option.harder) < set(named)
