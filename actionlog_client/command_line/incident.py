"""The timeline of one incident: what was attempted, step by step, and what came of it.

  actionlog incident inc_001
  actionlog incident inc_001 --json | jq '.resolution_attempts[].action_attempts[].status'

It is the server's; while the server cannot be reached, or none is configured, it comes from the local files of this
machine, and that is said. Times are those of this machine's time zone.
"""

import argparse
import json
import sys
from typing import Any, Final

from actionlog_client.command_line.arguments import FAILED, Trouble, key_advice, settings_of, transport_of
from actionlog_client.command_line.local_notice import print_source
from actionlog_client.command_line.terminal import Paint, clock, duration, plain, status_of
from actionlog_client.settings import Settings

# Lines of one text that are shown; --json has them all.
SHOWN_LINES: Final = 8
LONGEST_LINE: Final = 160


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("incident", help="the id of the incident, such as inc_001")
    parser.add_argument("--json", action="store_true", help="print all that is known as one JSON object")


def execute(arguments: argparse.Namespace) -> int:
    """Print the timeline. Raises Trouble."""
    settings = settings_of(arguments)
    found = _from_server(settings, arguments.incident)
    if found is None:
        found = _from_local_files(settings, arguments)
    if arguments.json:
        print(json.dumps(found, ensure_ascii=False, default=str))
    elif found["resolution_attempts"]:
        print("\n".join(_lines(found, Paint())))
    if not found["resolution_attempts"]:
        raise Trouble(f"Nothing is recorded of an incident {plain(arguments.incident)}.", FAILED)
    return 0


def _from_server(settings: Settings, incident_id: str) -> dict[str, Any] | None:
    """None when it cannot be reached, or there is none. Raises Trouble when it refuses."""
    if settings.url is None:
        return None
    from actionlog_client import remote
    from actionlog_client.delivery.transport import Unreachable

    transport = transport_of(settings)
    try:
        return remote.incident(transport, incident_id) or {"incident_id": incident_id, "resolution_attempts": []}
    except Unreachable as error:
        print(f"actionlog: read from local files instead of the server: {error}", file=sys.stderr)
        return None
    except remote.ReadRefused as refused:
        raise Trouble(f"{settings.url} refuses to tell: {refused} {key_advice()}", FAILED) from refused
    finally:
        transport.close()


def _from_local_files(settings: Settings, arguments: argparse.Namespace) -> dict[str, Any]:
    from actionlog_client.logger import ActionLogger

    # Without the server, which was asked before.
    with print_source(settings), ActionLogger("", journal_dir=arguments.journal_dir) as logger:
        attempts = logger.get_action_attempts_by_incident(arguments.incident)
    sessions: list[dict[str, Any]] = []
    for attempt in attempts:
        known = next((one for one in sessions if one["resolution_id"] == attempt.get("resolution_id")), None)
        if known is None:
            known = {"resolution_id": attempt.get("resolution_id"), "status": None, "action_attempts": []}
            sessions.append(known)
        known["action_attempts"].append(attempt)
    return {"incident_id": arguments.incident, "resolution_attempts": sessions}


def _lines(found: dict[str, Any], paint: Paint) -> list[str]:
    lines = [paint(f"incident {plain(found['incident_id'])}", "bold")]
    for session in found["resolution_attempts"]:
        lines += ["", *_session(session, paint)]
        for attempt in session.get("action_attempts") or []:
            lines += _attempt(attempt, paint)
    return lines


def _session(session: dict[str, Any], paint: Paint) -> list[str]:
    told = [session.get(name) for name in ("title", "incident_type", "severity", "service", "environment", "engine")]
    facts = ", ".join(plain(fact, 80) for fact in told if fact)
    if not session.get("status"):
        lines = [f"outside of any resolution attempt{': ' + facts if facts else ''}"]
    else:
        began = clock(session.get("effective_started_at") or session.get("started_at"), with_date=True)
        lines = [f"{began}  resolution {paint.status(status_of(session))}{'  ' + facts if facts else ''}"]
    if session.get("root_cause"):
        lines += _indented(f"root cause: {session['root_cause']}", 2)
    return lines


def _attempt(attempt: dict[str, Any], paint: Paint) -> list[str]:
    status = status_of(attempt)
    began = clock(attempt.get("effective_started_at") or attempt.get("started_at"), with_date=True)
    name = plain(attempt.get("action_type") or attempt.get("action_id"), 60)
    target = f" on {plain(attempt['target'], 60)}" if attempt.get("target") else ""
    retry = "  (a retry)" if attempt.get("retry_of") else ""
    took = duration(attempt.get("execution_time_seconds"))
    lines = [f"  {began}  {paint.status(status, 12)}  {paint(name, 'bold')}{target}  {took}{retry}"]
    if attempt.get("reason"):
        lines += _indented(f"because: {attempt['reason']}", 6)
    for step in attempt.get("logs") or []:
        lines += _step(step, paint)
    if attempt.get("error_message"):
        kind = f"{attempt['error_type']}: " if attempt.get("error_type") else ""
        lines += [paint(line, "red") for line in _indented(f"{kind}{attempt['error_message']}", 6)]
    return lines


def _step(step: dict[str, Any], paint: Paint) -> list[str]:
    details = step.get("details")
    head = f"{clock(step.get('timestamp'))}  {plain(step.get('step'), 40)}"
    if step.get("status") not in (None, "output"):
        head += f" {plain(step['status'], 40)}"
    if details in (None, "", {}, []):
        return [paint(f"      {head}", "dim")]
    text = details if isinstance(details, str) else json.dumps(details, ensure_ascii=False)
    first, *rest = _indented(text, 0)
    return [f"      {paint(head, 'dim')}  {first}", *("        " + line for line in rest)]


def _indented(text: Any, spaces: int) -> list[str]:
    lines = str(text).split("\n")
    shown = [" " * spaces + plain(line, LONGEST_LINE) for line in lines[:SHOWN_LINES]]
    if len(lines) > SHOWN_LINES:
        shown.append(f"{' ' * spaces}… {len(lines) - SHOWN_LINES} more lines (--json has them)")
    return shown
