"""Made-up action attempts that look like an engine's real ones, for the benchmarks. Sends nothing."""

import functools
import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

Document = dict[str, Any]

STEPS_PER_ATTEMPT: Final = 4
ATTEMPTS_PER_INCIDENT: Final = 5
SKIPPED_SHARE: Final = 0.03
SPREAD: Final = timedelta(minutes=10)

ENGINES: Final = (("triage-engine", "2.4.1"), ("remediation-engine", "0.9.7"))
ENVIRONMENTS: Final = ("production", "staging")
INCIDENT_TYPES: Final = (
    "high_error_rate",
    "high_latency",
    "disk_pressure",
    "pod_crash_loop",
    "certificate_expiry",
    "connection_pool_exhausted",
)
SERVICES: Final = ("checkout", "payments", "catalog", "accounts", "search", "notifications")
ACTION_TYPES: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("restart_service", {"grace_seconds": 30, "signal": "SIGTERM", "rolling": True}),
    ("rollback_release", {"release": "2026.11.3", "strategy": "blue-green", "keep_previous": 2}),
    ("scale_deployment", {"replicas_before": 3, "replicas_after": 6, "max_surge": "25%"}),
    ("clear_cache", {"cache": "sessions", "pattern": "user:*", "max_keys": 50000}),
    ("drain_node", {"node": "worker-17", "ignore_daemonsets": True, "timeout_seconds": 300}),
    ("renew_certificate", {"issuer": "internal-ca", "valid_days": 90, "names": ["api.example.org"]}),
    ("restart_connection_pool", {"pool": "primary", "size": 40, "drain": True}),
    ("kill_slow_queries", {"older_than_seconds": 120, "database": "orders", "limit": 20}),
    ("toggle_feature_flag", {"flag": "new-pricing", "value": False, "share": 0.25}),
    ("collect_diagnostics", {"sources": ["heap", "threads", "gc"], "since_minutes": 15, "compress": True}),
)
# Numbers, addresses and ids differ each time, as in real messages; without them only few kinds remain.
ERRORS: Final = (
    ("timeout", "no answer from {host} within {seconds} s"),
    ("ConnectionRefused", "connect to {host}:5432 failed: connection refused"),
    ("PermissionDenied", "user engine-{seconds} may not change deployment {service} in namespace default"),
    ("CommandFailed", "command exited with status {seconds}: 0x{token}"),
)
STEP_NAMES: Final = ("check preconditions", "execute", "wait until settled", "verify")


def attempts(count: int, *, failing: float, seed: int, spread: timedelta = SPREAD) -> Iterator[Document]:
    """Finished attempts with their steps, as whole documents in the order of their start.

    Starts are spread evenly up to now. failing is the share that fails; some others are skipped.
    """
    chance = random.Random(seed)
    first_start = datetime.now(UTC) - spread
    for index in range(count):
        started_at = first_start + spread * index / count
        yield _finish(chance, _start(chance, seed, index, started_at), started_at, failing=failing)


def starts(count: int, *, seed: int) -> Iterator[Document]:
    """Attempts that have just begun, without steps: the smallest document an engine usually sends."""
    chance = random.Random(seed)
    now = datetime.now(UTC)
    for index in range(count):
        yield _start(chance, seed, index, now) | {"status": "in_progress"}


def resolution_of(attempts_of_incident: list[Document]) -> Document:
    """The resolution attempt that these attempts on one incident, in the order of their start, belong to."""
    first, last = attempts_of_incident[0], attempts_of_incident[-1]
    outcome = {"success": "resolved", "failed": "failed"}.get(last["status"], "escalated")
    told = ("resolution_id", "incident_id", "incident_type", "environment", "engine", "engine_version", "confidence")
    return {
        **{name: first[name] for name in told},
        "severity": "high",
        "service": first["parameters"]["service"],
        "title": f"{first['parameters']['service']}: {first['incident_type']}",
        "status": outcome,
        "started_at": first["started_at"],
        "completed_at": last["completed_at"],
        "summary": {"attempts": len(attempts_of_incident)},
    }


def _start(chance: random.Random, seed: int, index: int, started_at: datetime) -> Document:
    incident = _incident(seed, index // ATTEMPTS_PER_INCIDENT)
    service = incident["service"]
    action_type, parameters = chance.choice(ACTION_TYPES)
    return {
        "attempt_id": str(uuid7(chance, started_at)),
        "action_id": f"{action_type}-{index:06}",
        "action_type": action_type,
        **{name: value for name, value in incident.items() if name != "service"},
        "target": f"{service}-{chance.randrange(8)}",
        "trace_id": f"{chance.getrandbits(128):032x}",
        "reason": f"{service} shows the signs of {incident['incident_type']}; this has helped before",
        "parameters": {"service": service, "attempt_number": index % ATTEMPTS_PER_INCIDENT + 1, **parameters},
        "confidence": round(chance.uniform(0.5, 0.99), 3),
        "started_at": _text(started_at),
    }


@functools.lru_cache(maxsize=1)
def _incident(seed: int, number: int) -> Document:
    """What all attempts on one incident have in common."""
    chance = random.Random(seed << 32 | number)
    engine, engine_version = chance.choice(ENGINES)
    return {
        "incident_id": f"INC-{seed}-{number:06}",
        "incident_type": chance.choice(INCIDENT_TYPES),
        "environment": chance.choice(ENVIRONMENTS),
        "engine": engine,
        "engine_version": engine_version,
        "resolution_id": str(uuid.UUID(int=chance.getrandbits(128), version=4)),
        "service": chance.choice(SERVICES),
    }


def _finish(chance: random.Random, document: Document, started_at: datetime, *, failing: float) -> Document:
    seconds = round(chance.lognormvariate(1.0, 1.0), 3)
    drawn = chance.random()
    status = "failed" if drawn < failing else "skipped" if drawn < failing + SKIPPED_SHARE else "success"
    document |= {
        "status": status,
        "completed_at": _text(started_at + timedelta(seconds=seconds)),
        "logs": [_step(chance, sequence, status, started_at, seconds) for sequence in range(STEPS_PER_ATTEMPT)],
    }
    if status == "failed":
        error_type, message = chance.choice(ERRORS)
        told = {"host": f"10.0.{chance.randrange(256)}.{chance.randrange(256)}", "seconds": chance.randrange(1, 120)}
        document["error_type"] = error_type
        document["error_message"] = message.format(
            service=document["parameters"]["service"], token=f"{chance.getrandbits(48):012x}", **told
        )
        document["error_details"] = {"retryable": error_type == "timeout", **told}
    elif status == "success":
        document["result"] = {"changed": True, "healthy_after_seconds": seconds}
    else:
        document["reason"] = "confidence is below what the policy asks for"
    return document


def _step(chance: random.Random, sequence: int, status: str, started_at: datetime, seconds: float) -> Document:
    last = sequence == STEPS_PER_ATTEMPT - 1
    return {
        "sequence": sequence,
        "step": STEP_NAMES[sequence],
        "status": status if last else "done",
        "timestamp": _text(started_at + timedelta(seconds=seconds * (sequence + 1) / STEPS_PER_ATTEMPT)),
        "details": {
            "took_ms": chance.randrange(5, 4000),
            "host": f"worker-{chance.randrange(40)}",
            "message": f"{STEP_NAMES[sequence]}: {chance.randrange(1, 9)} of 9 checks passed",
        },
    }


def uuid7(chance: random.Random, moment: datetime) -> uuid.UUID:
    """A version 7 UUID (RFC 9562, section 5.7) of that moment: ids in the order of time keep indexes compact."""
    milliseconds = int(moment.timestamp() * 1000)
    bits = milliseconds << 80 | 0x7 << 76 | chance.getrandbits(12) << 64 | 0b10 << 62 | chance.getrandbits(62)
    return uuid.UUID(int=bits)


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
