"""What the server knows, read over its API. Raises Unreachable when it cannot be asked, ReadRefused when it says no."""

from collections.abc import Mapping
from typing import Any

import msgspec

from actionlog_client.delivery.transport import Reply, Transport


class ReadRefused(Exception):
    """The server answered, and not with what was asked for: the key, most likely."""


def statistics(transport: Transport, days_back: int) -> dict[str, Any]:
    """The answer of /api/action-attempts/statistics/, as it is."""
    return _object(transport.get("/api/action-attempts/statistics/", days_back=days_back))


def attempts_by_incident(transport: Transport, incident_id: str) -> list[dict[str, Any]]:
    """All attempts of an incident with their steps, the first one first."""
    sessions = incident(transport, incident_id).get("resolution_attempts", [])
    try:
        attempts = [attempt for session in sessions for attempt in session["action_attempts"]]
        return sorted(attempts, key=lambda attempt: (attempt["effective_started_at"], attempt["attempt_id"]))
    except (KeyError, TypeError) as error:
        raise ReadRefused(f"The server's answer is not Actionlog's: {error!r}") from error


def incident(transport: Transport, incident_id: str) -> dict[str, Any]:
    """The answer of /api/resolution-monitor/ for one incident; empty when nothing is known of it."""
    reply = transport.get("/api/resolution-monitor/", incident_id=incident_id)
    return {} if reply.status == 404 else _object(reply)


def advice(transport: Transport, case: Mapping[str, str | None]) -> dict[str, Any]:
    """The answer of /api/advice/, as it is."""
    return _object(transport.get("/api/advice/", **case))


def engine(transport: Transport, journal_id: str) -> dict[str, Any] | None:
    """What the server has of one journal; None when it has never heard of it."""
    reply = transport.get(f"/api/engines/{journal_id}/")
    return None if reply.status == 404 else _object(reply)


def _object(reply: Reply) -> dict[str, Any]:
    if reply.status != 200:
        raise ReadRefused(f"HTTP {reply.status}: {reply.refusal().message}")
    try:
        return msgspec.json.decode(reply.body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ReadRefused(f"The server's answer is not Actionlog's: {error}") from error
