"""What the engine can do to the laboratory. Each action does it for real and then looks whether the symptom is gone.

Their parameters and what they return are on record; so are their steps, told to the attempt in whose run they happen.
"""

from typing import Any, Final

from actionlog_client import current_attempt
from demonstration.laboratory.laboratory import Laboratory
from demonstration.laboratory.monitor import Kind, Monitor
from demonstration.laboratory.pool import Pool

Result = dict[str, Any]


class NotRepaired(RuntimeError):
    """The action was carried out, and what it was to repair is as it was."""


class Actions:
    """The handlers, by the names of their action types. symptom is what an action is to repair, as the monitor names
    it. Raises NotRepaired, and whatever goes wrong on the way."""

    def __init__(self, laboratory: Laboratory, monitor: Monitor) -> None:
        self._laboratory = laboratory
        self._monitor = monitor

    def restart_service(self, *, symptom: Kind, grace_seconds: float = 1.5, force: bool = False) -> Result:
        """Stops the shop and starts it. force: kills it instead of asking. Raises TimeoutError when it does not end."""
        service = self._laboratory.service
        before = service.pid
        if before is None:
            step("stop", "skipped", {"because": "it does not run"})
        elif force:
            service.kill()
            step("stop", "done", {"signal": "SIGKILL", "process": before})
        else:
            step("stop", "in_progress", {"signal": "SIGTERM", "process": before, "grace_seconds": grace_seconds})
            service.stop(grace_seconds)
            step("stop", "done")
        service.start()
        step("start", "done", {"process": service.pid, "port": service.port, "release": service.release})
        self._verify(symptom)
        return {"process_before": before, "process": service.pid}

    def rollback_release(self, *, symptom: Kind) -> Result:
        """Goes back to the release before, and starts the shop if it does not run."""
        service = self._laboratory.service
        left, now = service.roll_back()
        step("switch", "done", {"from": left, "to": now})
        if service.pid is None:
            service.start()
            step("start", "done", {"process": service.pid})
        self._verify(symptom)
        return {"release_before": left, "release": now}

    def clear_cache(self, *, symptom: Kind) -> Result:
        """Asks the shop to forget its cache, which it can do only while it answers."""
        step("request", "in_progress", {"method": "DELETE", "path": "/cache"})
        told = self._laboratory.service.ask("DELETE", "/cache")
        step("request", "done", told)
        self._verify(symptom)
        return told

    def warm_cache(self, *, symptom: Kind) -> Result:
        """Asks the shop to read what its cache lacks."""
        step("request", "in_progress", {"method": "POST", "path": "/cache/warm"})
        told = self._laboratory.service.ask("POST", "/cache/warm")
        step("request", "done", told)
        self._verify(symptom)
        return told

    def rotate_logs(self, *, symptom: Kind) -> Result:
        """Packs the logs on the volume and begins them anew."""
        return self._free(symptom, self._laboratory.volume.rotate_logs())

    def delete_temp_files(self, *, symptom: Kind, pattern: str = "*.tmp") -> Result:
        """Removes the files on the volume whose names match."""
        return self._free(symptom, self._laboratory.volume.delete(pattern))

    def drain_connections(self, *, symptom: Kind) -> Result:
        """Asks the worker to close what lies idle in its pool."""
        pool = self._pool()
        step("look", "done", {"connections": pool.database.connections()})
        drained = pool.drain()
        step("drain", "done", {"closed": drained})
        self._verify(symptom)
        return {"closed": drained}

    def terminate_leaked_connections(self, *, symptom: Kind) -> Result:
        """Ends the connections that stand still in the midst of a transaction."""
        pool = self._pool()
        step("look", "done", {"connections": pool.database.connections()})
        ended = pool.database.terminate_leaked()
        step("terminate", "done", {"terminated": ended})
        self._verify(symptom)
        return {"terminated": ended}

    def raise_limit(self, *, symptom: Kind, by: int = 4) -> Result:
        """Lets the worker's role have more connections. Raises ValueError beyond what it may ever have."""
        database = self._pool().database
        before = database.limit()
        database.set_limit(before + by)
        step("limit", "done", {"before": before, "now": before + by})
        self._verify(symptom)
        return {"limit_before": before, "limit": before + by}

    def restart_worker(self, *, symptom: Kind, grace_seconds: float = 3.0) -> Result:
        """Stops the worker and starts it. The work that waits for it goes on afterwards."""
        pool = self._pool()
        step("restart", "in_progress", {"grace_seconds": grace_seconds})
        pool.restart_worker(grace_seconds)
        step("restart", "done", {"connections": pool.database.connections()})
        self._verify(symptom)
        return {"connections": pool.database.connections()}

    def _free(self, symptom: Kind, freed: dict[str, int]) -> Result:
        volume = self._laboratory.volume
        step("free", "done", {"files": freed})
        self._verify(symptom)
        return {"freed_bytes": sum(freed.values()), "used_bytes": volume.used(), "quota_bytes": volume.quota}

    def _pool(self) -> Pool:
        if self._laboratory.pool is None:
            raise LookupError("This laboratory has no connection pool.")
        return self._laboratory.pool

    def _verify(self, symptom: Kind) -> None:
        found = self._monitor.still_there(symptom)
        if found is not None:
            step("verification", "failed", {"title": found.title, **found.seen})
            raise NotRepaired(f"Still: {found.seen.get('error', found.title)}")
        step("verification", "done", {"gone": symptom})


ACTION_TYPES: Final = (
    "restart_service",
    "rollback_release",
    "clear_cache",
    "warm_cache",
    "rotate_logs",
    "delete_temp_files",
    "drain_connections",
    "terminate_leaked_connections",
    "raise_limit",
    "restart_worker",
)


def step(name: str, status: str, details: Any = None) -> None:
    """Into the log of the attempt that runs here, if any does."""
    if (attempt := current_attempt()) is not None:
        attempt.log_step(name, status, details)
