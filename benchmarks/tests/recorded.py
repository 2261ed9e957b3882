"""Small recordings that hold every oddity real ones were seen with."""

import gzip
import json
from pathlib import Path
from typing import Any

Document = dict[str, Any]

ORDINARY: Document = {
    "incident_id": "incident-ordinary",
    "incident_type": "high_latency",
    "ai_confidence": 0.85,
    "started_at": "2026-03-01T10:00:00.000Z",
    "completed_at": "2026-03-01T10:00:09.500Z",
    "success": True,
    "success_basis": "graded",
    "source": "test",
    "extra": {"agent": "a-1", "results": {"TTD": 2.8318188190460205, "steps": 3}},
    "actions": [
        {
            "action_id": "a001",
            "action_type": "exec_shell",
            "parameters": {
                "command": "kubectl get pods",
                "retries": 3,
                "ratio": 0.1,
                "nested": {"list": [1, 2.50, None]},
            },
            "started_at": "2026-03-01T10:00:01.000Z",
            "completed_at": "2026-03-01T10:00:02.000Z",
            "status": "success",
            "error_message": None,
            "result_excerpt": "NAME READY\npod-1 1/1",
            "logs": [
                {
                    "step": "execute",
                    "status": "success",
                    "timestamp": "2026-03-01T10:00:01.500Z",
                    "details": {"rows": 2},
                },
                {"step": "done", "status": "done", "timestamp": "2026-03-01T10:00:02.000Z", "details": "as text"},
            ],
        },
        {
            "action_id": "a002",
            "action_type": "restart",
            "parameters": {},
            "started_at": "2026-03-01T10:00:03.000Z",
            "completed_at": "2026-03-01T10:00:04.000Z",
            "status": "failed",
            "error_message": "no answer",
            "result_excerpt": None,
            "logs": [],
        },
    ],
}

ODD_ACTIONS: list[Document] = [
    {"action_id": "empty-type", "action_type": "", "status": "success", "logs": None},
    {"action_id": "no-type", "status": "failed"},
    {"action_id": "failed-without-message", "action_type": "x", "status": "failed", "error_message": None},
    {"action_id": "same", "action_type": "x", "status": "success", "result_excerpt": ""},
    {"action_id": "same", "action_type": "x", "status": "success", "result_excerpt": {"rows": [1e23, -0.0, 10**18]}},
    {"action_type": "no-id", "status": "success", "started_at": None, "completed_at": None},
    {"action_id": 17, "action_type": "number-as-id", "status": "SUCCESS"},
    {"action_id": "status-null", "action_type": "x", "status": None, "completed_at": "2026-03-01T10:00:04Z"},
    {"action_id": "status-unknown", "action_type": "x", "status": "no_data", "result_excerpt": "partial"},
    {"action_id": "timeout", "action_type": "x", "status": "timeout"},
    {"action_id": "cancelled", "action_type": "x", "status": "cancelled"},
    {"action_id": "text-parameters", "action_type": "x", "status": "success", "parameters": "--force"},
    {"action_id": "list-parameters", "action_type": "x", "status": "success", "parameters": [1, "two"]},
    {"action_id": "message-is-object", "action_type": "x", "status": "failed", "error_message": {"code": 7}},
    {
        "action_id": "times",
        "action_type": "x",
        "status": "success",
        "started_at": "yesterday",
        "completed_at": 1700000000,
    },
    {"action_id": "naive", "action_type": "x", "status": "success", "started_at": "2026-03-01T10:00:00"},
    {"action_id": "offset", "action_type": "x", "status": "success", "started_at": "2026-03-01T15:30:00.123456+05:30"},
    {
        "action_id": "backwards",
        "action_type": "x",
        "status": "success",
        "started_at": "2026-03-01T10:00:05Z",
        "completed_at": "2026-03-01T10:00:04Z",
    },
    {"action_id": "unknown-keys", "action_type": "x", "status": "success", "cost": {"usd": 0.03}, "extra": {"cost": 1}},
    {"action_id": "long-type", "action_type": "t" * 300, "status": "success"},
    {"action_id": "i" * 300, "action_type": "x", "status": "success"},
    {"action_id": "confidence", "action_type": "x", "status": "success", "confidence": 85, "critical": "yes"},
    {
        "action_id": "nul\0in-id",
        "action_type": "nul\0",
        "status": "failed",
        "error_message": "before\0after",
        "parameters": {"key\0": "value\0", "ansi": "\x1b[31mred\x1b[0m", "emoji": "\U0001f525", "half": "\ud83d"},
    },
    {"action_id": "megabytes", "action_type": "x", "status": "success", "result_excerpt": "line of output\n" * 150_000},
    {
        "action_id": "odd-steps",
        "action_type": "x",
        "status": "success",
        "logs": [
            "only text",
            None,
            17,
            ["a", "list"],
            {},
            {"step": "unknown keys", "details": {"a": 1}, "tool": "bash"},
            {"step": "unknown keys, text", "details": "text", "tool": "bash"},
            {"step": 5, "status": None, "timestamp": "soon", "details": None},
            {"step": "ansi", "status": "done", "timestamp": None, "details": "\x1b[2J\0 end"},
            {"step": "falsy", "details": False},
            {"step": "numbers", "details": [0, 1.0, True, 12345678901234567, 0.1]},
        ],
    },
    {
        "action_id": "secrets",
        "action_type": "x",
        "status": "success",
        "parameters": {"password": "hunter2-hunter2", "url": "https://user:pa55word@example.org/x", "max_tokens": 100},
        "result_excerpt": "curl -H 'Authorization: Bearer abcdefghijklmnopqrstuvwxyz0123456789' example.org",
    },
]

ODD_SESSIONS: list[Document] = [
    {"incident_id": "no-actions", "success": False, "actions": []},
    {"incident_id": "actions-null", "success": True, "actions": None},
    {"incident_id": "actions-missing", "success": None, "completed_at": "2026-03-01T10:00:00Z"},
    {"incident_id": "success-text", "success": "yes", "actions": []},
    {"incident_id": "status-told", "success": None, "status": "escalated", "actions": []},
    {"incident_id": "nothing-else"},
    {"actions": [{"action_id": "a1", "action_type": "x", "status": "success"}]},
    {
        "incident_id": "slash/and space\u00e9",
        "success": True,
        "ai_confidence": "high",
        "extra": "text",
        "actions": ["text"],
    },
    {
        "incident_id": "summary",
        "success": True,
        "summary": {"cause": "disk"},
        "severity": "high",
        "title": "T",
        "actions": [],
    },
    {
        "incident_id": "odd-summary",
        "success": True,
        "summary": "text",
        "severity": "urgent",
        "service": 5,
        "actions": [],
    },
    {"incident_id": "odd-actions", "started_at": None, "success": False, "actions": ODD_ACTIONS},
]


def overlapping() -> Document:
    """A long action, within which a short one begins and ends."""
    long, short = (
        {
            "action_id": name,
            "action_type": "x",
            "status": "success",
            "started_at": f"2026-03-01T10:00:{first:02}Z",
            "completed_at": f"2026-03-01T10:00:{last:02}Z",
            "logs": [{"step": name, "timestamp": f"2026-03-01T10:00:{step:02}Z"} for step in steps],
        }
        for name, first, steps, last in (("long", 1, (2, 8), 9), ("short", 3, (4, 5), 6))
    )
    return {"incident_id": "overlap", "started_at": "2026-03-01T10:00:00Z", "success": True, "actions": [long, short]}


def write(path: Path, sessions: list[Document]) -> Path:
    """A file of these sessions; gzipped when its name says so."""
    content = "".join(json.dumps(session) + "\n" for session in sessions).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path
