"""What is wrong with the laboratory, by really looking: probes from outside, as a user of each part would meet it."""

import time
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import psycopg

from demonstration.laboratory.laboratory import Laboratory
from demonstration.laboratory.service import ServiceError

STEADY_SECONDS: Final = 0.5
PAUSE_SECONDS: Final = 0.1

Kind = Literal[
    "service_down", "service_unresponsive", "service_errors", "stale_data", "disk_full", "connections_exhausted"
]


@dataclass(frozen=True)
class Symptom:
    """kind and part name it; title is one sentence; seen is what the probe met."""

    kind: Kind
    part: str
    severity: Literal["critical", "high", "medium", "low"]
    title: str
    seen: dict[str, Any] = field(default_factory=dict)


class Monitor:
    """Looks at the parts; changes nothing."""

    def __init__(self, laboratory: Laboratory) -> None:
        self._laboratory = laboratory

    def symptoms(self) -> list[Symptom]:
        """Everything that is wrong now, the most severe first; empty when all is well. Takes up to 5 s."""
        found = [self.service(), self.connections(), self.volume(), self.cache()]
        return [symptom for symptom in found if symptom is not None]

    def sees(self, kind: Kind) -> Symptom | None:
        """What is wrong now with the part of which a symptom of this kind tells, be it of this kind or another."""
        match kind:
            case "stale_data":
                return self.cache()
            case "disk_full":
                return self.volume()
            case "connections_exhausted":
                return self.connections()
            case "service_down" | "service_unresponsive" | "service_errors":
                return self.service()

    def still_there(self, kind: Kind) -> Symptom | None:
        """As sees(), and None only once nothing was seen for STEADY_SECONDS: what is repaired for a moment is not
        repaired."""
        until = time.monotonic() + STEADY_SECONDS
        while True:
            symptom = self.sees(kind)
            if symptom is not None or time.monotonic() > until:
                return symptom
            time.sleep(PAUSE_SECONDS)

    def service(self) -> Symptom | None:
        """Is the shop reached, does it answer, and well?"""
        service = self._laboratory.service
        try:
            service.ask("GET", "/price")
        except TimeoutError:
            title = "The shop takes connections and does not answer"
            return Symptom("service_unresponsive", "shop", "critical", title, {"port": service.port})
        except OSError as error:
            seen = {"port": service.port, "error": str(error)}
            return Symptom("service_down", "shop", "critical", "The shop cannot be reached", seen)
        except ServiceError as error:
            seen = {"http_status": error.status, "error": str(error), "release": service.release}
            return Symptom("service_errors", "shop", "high", "The shop answers with errors", seen)
        return None

    def cache(self) -> Symptom | None:
        """Is what the shop cached as new as its source?"""
        source, cached = self._laboratory.service.catalogue_versions()
        if cached is None or cached == source:
            return None
        seen = {"source_version": source, "cached_version": cached}
        return Symptom("stale_data", "catalogue", "medium", "The shop sells from an old catalogue", seen)

    def volume(self) -> Symptom | None:
        """Can something be written?"""
        volume = self._laboratory.volume
        try:
            volume.try_write()
        except OSError as error:
            seen = {"used_bytes": volume.used(), "quota_bytes": volume.quota, "error": str(error.strerror)}
            return Symptom("disk_full", "volume", "high", "The volume of the shop is full", seen)
        return None

    def connections(self) -> Symptom | None:
        """Is another connection to be had?"""
        pool = self._laboratory.pool
        if pool is None:
            return None
        try:
            pool.database.probe()
        except psycopg.OperationalError as error:
            # Before it stands by which way the server was reached.
            seen = {"error": str(error).strip().rpartition(" failed: ")[2], "limit": pool.database.limit()}
            title = "The worker's database gives no more connections"
            return Symptom("connections_exhausted", "database", "high", title, seen)
        return None
