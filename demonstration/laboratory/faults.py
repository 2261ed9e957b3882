"""What can go wrong in the laboratory. Each fault really breaks its part; the monitor is not told which it was."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from demonstration.laboratory.child import ChildError
from demonstration.laboratory.database import CONNECTION_LIMIT, HIGHEST_LIMIT
from demonstration.laboratory.laboratory import Laboratory
from demonstration.laboratory.pool import Pool

CHUNK: Final = b"request served, 200, 0.012 s, article 4711, customer anonymous\n" * 512  # 32 KiB
MEBIBYTE: Final = 1024 * 1024


@dataclass(frozen=True)
class Fault:
    """cause is one sentence for the audience. needs_pool: it breaks what may be left out."""

    name: str
    cause: str
    inject: Callable[[Laboratory], None]
    needs_pool: bool = False


def _service_killed(laboratory: Laboratory) -> None:
    laboratory.service.kill()


def _service_hangs(laboratory: Laboratory) -> None:
    laboratory.service.hang()


def _bad_release(laboratory: Laboratory) -> None:
    laboratory.service.deploy(pack_size=0)


def _release_does_not_start(laboratory: Laboratory) -> None:
    laboratory.service.deploy(pack_size=None)
    laboratory.service.kill()
    try:
        laboratory.service.start()
    except ChildError:
        return
    raise AssertionError("a release that cannot be read started nevertheless")


def _two_bad_releases(laboratory: Laboratory) -> None:
    laboratory.service.forget_releases()
    laboratory.service.deploy(pack_size=0)
    laboratory.service.deploy(pack_size=0)


def _stale_cache(laboratory: Laboratory) -> None:
    laboratory.service.ask("GET", "/price")
    laboratory.service.publish_catalogue()


def _stale_cache_service_down(laboratory: Laboratory) -> None:
    _stale_cache(laboratory)
    _service_killed(laboratory)


def _logs_grow(laboratory: Laboratory) -> None:
    laboratory.volume.fill("app-{}.log", CHUNK, file_bytes=2 * MEBIBYTE)


def _uploads_left(laboratory: Laboratory) -> None:
    laboratory.volume.fill("upload-{}.tmp", CHUNK, file_bytes=MEBIBYTE // 2)


def _core_dumps(laboratory: Laboratory) -> None:
    laboratory.volume.fill("core.{}", CHUNK, file_bytes=4 * MEBIBYTE)


def _pool_of(laboratory: Laboratory) -> Pool:
    assert laboratory.pool is not None  # see faults_of
    return laboratory.pool


def _pool_hoards(laboratory: Laboratory) -> None:
    _pool_of(laboratory).command("hoard")


def _pool_leaks(laboratory: Laboratory) -> None:
    _pool_of(laboratory).command("leak")


def _pool_leaks_on(laboratory: Laboratory) -> None:
    _pool_of(laboratory).command("leak on")


def _peak(laboratory: Laboratory) -> None:
    _pool_of(laboratory).work(CONNECTION_LIMIT + 2)


def _great_peak(laboratory: Laboratory) -> None:
    _pool_of(laboratory).work(HIGHEST_LIMIT + 2)


FAULTS: Final = (
    Fault("service_killed", "the service was killed", _service_killed),
    Fault("service_hangs", "the service stands still", _service_hangs),
    Fault("bad_release", "a release divides by zero", _bad_release),
    Fault(
        "release_does_not_start", "a release cannot be read, and the service does not start", _release_does_not_start
    ),
    Fault("two_bad_releases", "the release before the bad one is bad, too", _two_bad_releases),
    Fault("stale_cache", "the catalogue changed and the cache was not told", _stale_cache),
    Fault("stale_cache_service_down", "the cache is stale, and the service was killed", _stale_cache_service_down),
    Fault("logs_grow", "log files fill the volume", _logs_grow),
    Fault("uploads_left", "uploads that were broken off fill the volume", _uploads_left),
    Fault("core_dumps", "core dumps fill the volume, and no action is made for them", _core_dumps),
    Fault("pool_hoards", "the worker keeps idle connections", _pool_hoards, needs_pool=True),
    Fault("pool_leaks", "the worker lost connections in the midst of transactions", _pool_leaks, needs_pool=True),
    Fault("pool_leaks_on", "the worker loses every connection it gets", _pool_leaks_on, needs_pool=True),
    Fault("peak", "more connections are at work than allowed", _peak, needs_pool=True),
    Fault("great_peak", "more are at work than can be allowed", _great_peak, needs_pool=True),
)


def faults_of(laboratory: Laboratory) -> tuple[Fault, ...]:
    """Those that the laboratory has the parts for."""
    return tuple(fault for fault in FAULTS if laboratory.pool is not None or not fault.needs_pool)


def order_of(faults: tuple[Fault, ...], seed: int) -> Iterator[Fault]:
    """The faults in an order that the seed alone decides, without end: each once before any comes again."""
    shuffled = random.Random(seed)  # an order, no secret
    while True:
        yield from shuffled.sample(faults, len(faults))
