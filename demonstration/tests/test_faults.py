"""Each fault really breaks its part: the monitor, which is not told, sees it; and what repairs it is told apart."""

import itertools

import pytest

from demonstration.laboratory.faults import FAULTS, order_of
from demonstration.laboratory.laboratory import Laboratory
from demonstration.laboratory.monitor import Monitor
from demonstration.tests.conftest import fault

SEEN = {
    "service_killed": ["service_down"],
    "service_hangs": ["service_unresponsive"],
    "bad_release": ["service_errors"],
    "release_does_not_start": ["service_down"],
    "two_bad_releases": ["service_errors"],
    "stale_cache": ["stale_data"],
    "stale_cache_service_down": ["service_down", "stale_data"],
    "logs_grow": ["disk_full"],
    "uploads_left": ["disk_full"],
    "core_dumps": ["disk_full"],
    "pool_hoards": ["connections_exhausted"],
    "pool_leaks": ["connections_exhausted"],
    "pool_leaks_on": ["connections_exhausted"],
    "peak": ["connections_exhausted"],
    "great_peak": ["connections_exhausted"],
}


@pytest.mark.parametrize("name", [fault.name for fault in FAULTS])
def test_a_fault_breaks_its_part_and_it_is_well_again_once_mended_by_hand(
    name: str, laboratory: Laboratory, monitor: Monitor
) -> None:
    fault(name).inject(laboratory)
    assert [symptom.kind for symptom in monitor.symptoms()] == SEEN[name]
    laboratory.settle()
    assert monitor.symptoms() == []


def test_a_full_volume_refuses_the_orders_of_the_shop(laboratory: Laboratory) -> None:
    laboratory.service.ask("POST", "/orders")
    fault("logs_grow").inject(laboratory)
    with pytest.raises(RuntimeError, match="No space left on device"):
        laboratory.service.ask("POST", "/orders")


def test_an_exhausted_role_is_told_so_by_postgresql_itself(laboratory: Laboratory, monitor: Monitor) -> None:
    fault("pool_leaks").inject(laboratory)
    symptom = monitor.connections()
    assert symptom is not None
    assert 'too many connections for role "actionlog_demo"' in symptom.seen["error"]
    assert laboratory.pool is not None
    assert laboratory.pool.database.connections() == {"idle in transaction": 6}


def test_the_same_seed_gives_the_same_order_and_every_fault_comes_before_any_comes_again() -> None:
    count = len(FAULTS)
    first, again, other = (
        [fault.name for fault in itertools.islice(order_of(FAULTS, seed), 2 * count)] for seed in (7, 7, 8)
    )
    assert first == again != other
    assert sorted(first[:count]) == sorted(first[count:]) == sorted(SEEN)
