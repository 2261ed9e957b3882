"""One case for each documented operation: requests that bring about every answer it documents."""

import json
from typing import Any, Final, NamedTuple

ATTEMPT: Final = "0190d3a5-6c1e-7b43-9f0e-2a1b3c4d5e6f"
RESOLUTION: Final = "0190d3a5-5f00-7d11-8c1d-0e1f2a3b4c5d"
UNKNOWN: Final = "0190d3a5-0000-7000-8000-000000000000"
INCIDENT: Final = "INC/2041 ü"
TOO_LARGE: Final = b" " * (16 * 1024 * 1024 + 1)

START: Final = {
    "attempt_id": ATTEMPT,
    "action_id": "restart-1",
    "action_type": "restart",
    "incident_id": INCIDENT,
    "resolution_id": RESOLUTION,
    "parameters": {"deep": [1, {"x": None}], "big": 12345678901234567890},
    "confidence": 0.5,
    "started_at": "2026-03-01T12:00:00+05:30",
    "logs": [{"sequence": 0, "step": "first", "details": "text"}, {"sequence": 1, "details": {"a": 1.5}}],
}
OPEN: Final = {
    "resolution_id": RESOLUTION,
    "incident_id": INCIDENT,
    "severity": "high",
    "recommended_actions": ["restart", 1],
    "summary": {"a": None, "actions_attempted": 7},
    "started_at": "2026-03-01T06:00:00Z",
}
LOOSE: Final = {**START, "attempt_id": "0190d3a5-6c1e-7b43-9f0e-2a1b3c4d0000", "resolution_id": None}
FAILED: Final[dict[str, Any]] = {
    **START,
    "attempt_id": "0190d3a5-6c1e-7b43-9f0e-2a1b3c4d0001",
    "action_type": "resize",
    "parameters": {"size": 5},
    "confidence": 0.75,
    "completed_at": "2026-03-01T06:30:40Z",
    "status": "failed",
    "error_message": "timed out",
}
WORKED: Final[dict[str, Any]] = {
    **FAILED,
    "attempt_id": "0190d3a5-6c1e-7b43-9f0e-2a1b3c4d0002",
    "parameters": {"size": 9},
    "status": "success",
    "error_message": None,
}
JOURNAL: Final[dict[str, Any]] = {
    "journal_id": "0190d3a5-4000-7a11-9c1d-0e1f2a3b4c5d",
    "written": 9,
    "engine": "resolver",
    "refused": [[7, 8]],
    "numbers": {"resolution_attempts": [[[1, 1]]], "action_attempts": [[[2, 3], [5, 5]], [], [], []]},
}
VERDICT: Final = {"verdict": "no_effect", "verdict_id": "0190d3a5-7b00-7c22-9d1e-0f1a2b3c4d5e", "note": "still slow"}
# Failure patterns are founded by the server. The tests store these: the first owns the fingerprints, the last nothing.
PATTERN: Final = "0190d3a5-9a00-7d33-8e2f-1a2b3c4d5e6f"
OTHER_PATTERN: Final = "0190d3a5-9b00-7d33-8e2f-1a2b3c4d5e6f"
MERGED_PATTERN: Final = "0190d3a5-9c00-7d33-8e2f-1a2b3c4d5e6f"
FINGERPRINTS: Final = ("b2e6a0a6-7d3c-4b51-9c37-1f0f6a3b8d01", "b2e6a0a6-7d3c-4b51-9c37-1f0f6a3b8d02")
# What is stored before each case.
STORED: Final = {"resolution_attempts": [OPEN], "action_attempts": [START, LOOSE, FAILED, WORKED], "journal": JOURNAL}


class Case(NamedTuple):
    """A request that should be answered with this status. body is JSON, or bytes sent as they are."""

    status: int
    path: dict[str, str] = {}
    query: dict[str, Any] = {}
    body: Any = None


def _list(**accepted: Any) -> list[Case]:
    return [Case(200), Case(200, query={"limit": 1, **accepted}), Case(400, query={"no_such_parameter": 1})]


def _one(name: str, value: str, unknown: str) -> list[Case]:
    return [
        Case(200, {name: value}),
        Case(404, {name: unknown}),
        Case(400, {name: value}, {"no_such_parameter": 1}),
    ]


def _record(document: dict[str, Any], id_name: str) -> list[Case]:
    return [
        Case(200, body=document),
        Case(201, body={**document, id_name: UNKNOWN}),
        Case(201, body={**document, id_name: UNKNOWN[:-1] + "1", "colour": "kept in extra, with a warning"}),
        Case(400, body={**document, "incident_id": 1}),
        Case(409, body={**document, "incident_id": "another"}),
        Case(413, body=TOO_LARGE),
    ]


def _add(name: str, id_: str, told: Any, wrong: Any, contradiction: Any = None) -> list[Case]:
    cases = [
        Case(200, {name: id_}, body=told),
        Case(400, {name: id_}, body=wrong),
        Case(404, {name: UNKNOWN}, body=told),
        Case(413, {name: id_}, body=TOO_LARGE),
    ]
    return cases if contradiction is None else [*cases, Case(409, {name: id_}, body=contradiction)]


def _verdict(name: str, id_: str) -> list[Case]:
    return [
        Case(201, {name: id_}, body=VERDICT),
        Case(200, {name: id_}, body=VERDICT),
        Case(201, {name: id_}, body={"verdict": "worked", "source": "alert", "given_at": "2026-03-01T12:00:00+05:30"}),
        Case(400, {name: id_}, body={"verdict": "fine"}),
        Case(404, {name: UNKNOWN}, body=VERDICT),
        Case(409, {name: id_}, body={**VERDICT, "verdict": "worked"}),
        Case(413, {name: id_}, body=TOO_LARGE),
    ]


def _pattern(*cases: Case) -> list[Case]:
    return [
        *(case._replace(path=case.path or {"pattern_id": PATTERN}) for case in cases),
        Case(404, {"pattern_id": UNKNOWN}, body=cases[0].body),
        Case(409, {"pattern_id": MERGED_PATTERN}, body=cases[0].body),
        Case(413, {"pattern_id": PATTERN}, body=TOO_LARGE),
    ]


CASES: Final[dict[tuple[str, str], list[Case]]] = {
    ("get", "/api/action-attempts/"): _list(
        status=["in_progress", "failed"], has_resolution="true", ordering="started_at"
    ),
    ("get", "/api/action-attempts/{attempt_id}/"): _one("attempt_id", ATTEMPT, UNKNOWN),
    ("get", "/api/action-attempts/{attempt_id}/comparison/"): [
        *_one("attempt_id", FAILED["attempt_id"], UNKNOWN),
        Case(409, {"attempt_id": WORKED["attempt_id"]}),
    ],
    ("get", "/api/advice/"): [
        Case(200, query={"action_type": "restart", "parameters": '{"deep": [1]}', "incident_id": INCIDENT}),
        Case(200, query={"incident_type": "latency", "environment": "production", "days_back": 3660}),
        Case(400),
        Case(400, query={"action_type": "restart", "parameters": "[]"}),
    ],
    ("get", "/api/resolution-attempts/"): _list(severity="high", started_after="2026-01-01T00:00:00Z"),
    ("get", "/api/resolution-attempts/{resolution_id}/"): _one("resolution_id", RESOLUTION, UNKNOWN),
    ("get", "/api/verdicts/"): _list(verdict="worked", source="check"),
    ("get", "/api/action-attempts/{attempt_id}/verdicts/"): _one("attempt_id", ATTEMPT, UNKNOWN),
    ("get", "/api/resolution-attempts/{resolution_id}/verdicts/"): _one("resolution_id", RESOLUTION, UNKNOWN),
    ("post", "/api/action-attempts/{attempt_id}/verdicts/"): _verdict("attempt_id", ATTEMPT),
    ("post", "/api/resolution-attempts/{resolution_id}/verdicts/"): _verdict("resolution_id", RESOLUTION),
    ("get", "/api/resolution-monitor/recent"): [*_list(), Case(200, query={"include_action_details": "true"})],
    ("get", "/api/resolution-monitor/{incident_id}"): _one("incident_id", INCIDENT, "unheard of"),
    ("get", "/api/resolution-monitor/{incident_id}/timeline"): _one("incident_id", INCIDENT, "unheard of"),
    ("get", "/api/resolution-monitor/timeline"): [
        Case(200, query={"incident_id": INCIDENT, "limit": 1}),
        Case(404, query={"incident_id": "unheard of"}),
        Case(400),
    ],
    ("get", "/api/resolution-monitor/live-feed"): [
        Case(200),
        Case(200, query={"after": 0}),
        Case(200, query={"after": "no cursor"}),
        Case(400, query={"limit": 0}),
    ],
    ("get", "/api/resolution-monitor/"): [
        Case(200, query={"incident_id": INCIDENT}),
        Case(404, query={"incident_id": "unheard of"}),
        Case(400),
    ],
    ("get", "/api/resolution-monitor/metrics"): [
        Case(200),
        Case(200, query={"window": "3660d", "environment": ""}),
        Case(400, query={"window": "a day"}),
    ],
    ("get", "/api/action-attempts/statistics/"): [
        Case(200, query={"days_back": 3660, "timezone": "Asia/Kathmandu"}),
        Case(400, query={"days_back": 0}),
    ],
    ("get", "/api/statistics/durations/"): [
        Case(200, query={"window": "3660d", "limit": 2}),
        Case(400, query={"limit": 0}),
    ],
    ("get", "/api/statistics/steps/"): [
        Case(200, query={"window": "3660d", "action_type": "resize"}),
        Case(400),
    ],
    ("get", "/api/statistics/capacity/"): [
        Case(200, query={"window": "3660d", "bucket": "week", "timezone": "Asia/Kathmandu"}),
        Case(400, query={"window": "3660d", "bucket": "15m"}),
    ],
    ("get", "/api/statistics/parameters/"): [
        Case(200, query={"window": "3660d", "action_type": "resize"}),
        Case(400, query={"action_type": ""}),
    ],
    ("get", "/api/statistics/confidence/"): [
        Case(200, query={"window": "3660d"}),
        Case(200, query={"window": "3660d", "subject": "resolution"}),
        Case(400, query={"subject": "incident"}),
    ],
    ("get", "/api/statistics/"): [
        Case(200),
        Case(200, query={"group_by": "action_and_incident_type", "window": "90d", "timezone": "America/New_York"}),
        Case(200, query={"subject": "resolution", "group_by": "engine_version", "bucket": "hour", "window": "1d"}),
        Case(200, query={"start": "2026-02-28T00:00:00Z", "end": "2026-03-02T00:00:00Z", "bucket": "15m"}),
        Case(400, query={"subject": "resolution", "group_by": "action_type"}),
    ],
    ("get", "/api/statistics/incidents/"): [
        Case(200),
        Case(200, query={"group_by": "incident_type", "window": "30d", "bucket": "week"}),
        Case(400, query={"bucket": "15m", "window": "3660d"}),
    ],
    ("get", "/api/engines/"): _list(engine="resolver", active="true"),
    ("get", "/api/engines/{journal_id}/"): _one("journal_id", JOURNAL["journal_id"], UNKNOWN),
    ("post", "/api/ingest/"): [
        Case(200, body=STORED),
        Case(200, body={"journal": {**JOURNAL, "numbers": {}, "host": "ops-1", "closed": True}}),
        Case(200, body={"action_attempts": [LOOSE]}),
        Case(207, body={"journal": {"journal_id": JOURNAL["journal_id"], "written": 9, "engine": "another"}}),
        Case(400, body={"journal": {**JOURNAL, "written": 4}}),
        Case(
            207,
            body={
                "resolution_attempts": [{**OPEN, "incident_id": "another"}],
                "action_attempts": [{**START, "attempt_id": "no uuid"}, {**START, "colour": 1}, {**START, "logs": 1}],
            },
        ),
        Case(400, body=b"{"),
        Case(413, body=TOO_LARGE),
    ],
    ("post", "/api/action-attempts/"): _record(START, "attempt_id"),
    ("post", "/api/action-attempts/{attempt_id}/logs/"): _add(
        "attempt_id",
        ATTEMPT,
        {"logs": [{"sequence": 2, "step": "more", "details": [1]}]},
        {"logs": [{"sequence": -1}]},
        {"logs": [{"sequence": 0, "step": "another"}]},
    ),
    ("post", "/api/action-attempts/{attempt_id}/complete/"): _add(
        "attempt_id",
        ATTEMPT,
        {"status": "failed", "error_message": "timed out", "error_type": "timeout"},
        {"status": "in_progress"},
        {"status": "success"},
    ),
    ("post", "/api/action-attempts/{attempt_id}/heartbeat/"): _add("attempt_id", ATTEMPT, {}, {"still": "there"}),
    ("post", "/api/resolution-attempts/"): _record(OPEN, "resolution_id"),
    ("post", "/api/resolution-attempts/{resolution_id}/complete/"): _add(
        "resolution_id", RESOLUTION, {"status": "resolved"}, {"status": "in_progress"}, {"status": "failed"}
    ),
    ("post", "/api/resolution-attempts/{resolution_id}/heartbeat/"): _add(
        "resolution_id", RESOLUTION, {}, {"still": 1}
    ),
    ("get", "/api/failure-patterns/"): _list(
        state=["new", "fixed"],
        ordering="-occurrences",
        search="refused",
        attempt=ATTEMPT,
        seen_since=START["started_at"],
    ),
    ("get", "/api/failure-patterns/{pattern_id}/"): [
        *_one("pattern_id", PATTERN, UNKNOWN),
        Case(200, {"pattern_id": MERGED_PATTERN}, {"window": "7d", "bucket": "hour", "timezone": "Asia/Kathmandu"}),
    ],
    **{
        ("post", f"/api/failure-patterns/{{pattern_id}}/{verb}/"): _pattern(
            Case(200, body={"note": "why"}), Case(200, body={}), Case(400, body={"note": 1})
        )
        for verb in ("acknowledge", "fix", "ignore", "reopen")
    },
    ("post", "/api/failure-patterns/{pattern_id}/merge/"): _pattern(
        Case(200, body={"patterns": [OTHER_PATTERN]}), Case(400, body={"patterns": [PATTERN]})
    ),
    ("post", "/api/failure-patterns/{pattern_id}/split/"): _pattern(
        Case(201, body={"fingerprints": [FINGERPRINTS[0]]}),
        Case(200, body={"fingerprints": [FINGERPRINTS[0]], "note": "the same again"}),
        Case(400, body={"fingerprints": []}),
    ),
}


def content(case: Case) -> bytes | None:
    return case.body if case.body is None or isinstance(case.body, bytes) else json.dumps(case.body).encode()
