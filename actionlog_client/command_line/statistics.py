"""How often actions work, and how long they take.

  actionlog statistics
  actionlog statistics --days 30
  actionlog statistics --json | jq .success_rate

The figures are the server's; while it cannot be reached, or none is configured, they come from the local files of this
machine, and that is said. The success rate is success / (success + failed).
"""

import argparse
import json
from typing import Any

from actionlog_client.command_line.arguments import api_key_of, settings_of
from actionlog_client.command_line.local_notice import print_source
from actionlog_client.command_line.terminal import Paint, duration, plain, rate, table

_OUTCOMES = ("success", "failed", "cancelled", "skipped")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--days", type=_days, default=7, help="of so many days back from now; default 7")
    parser.add_argument("--json", action="store_true", help="print all figures as one JSON object")


def execute(arguments: argparse.Namespace) -> int:
    """Print the figures. Raises Trouble."""
    settings = settings_of(arguments)
    from actionlog_client.logger import ActionLogger

    with print_source(settings), ActionLogger(arguments.url, api_key_of(arguments), arguments.journal_dir) as logger:
        figures = logger.get_action_statistics(arguments.days)
    if arguments.json:
        print(json.dumps(figures, ensure_ascii=False, default=str))
    else:
        print("\n".join(_lines(figures, arguments.days, Paint())))
    return 0


def _lines(figures: dict[str, Any], days: int, paint: Paint) -> list[str]:
    by_status = figures.get("by_status") or {}
    still = sum(by_status.get(name) or 0 for name in ("pending", "in_progress"))
    lines = [
        f"The last {days} days: {figures.get('total_attempts', 0)} attempts, "
        + paint(f"{rate(figures.get('success_rate'))} successful", "bold")
        + f" of {figures.get('n', 0)} that succeeded or failed",
        "  ".join(
            f"{paint.status(name)} {count}"
            for name, count in [
                *((name, by_status.get(name) or 0) for name in _OUTCOMES),
                ("in_progress", still),
                ("lost contact", by_status.get("abandoned") or 0),
            ]
            if count
        ),
    ]
    if any((figures.get("durations") or {}).get(name) is not None for name in ("p50", "p95", "p99")):
        spread = figures["durations"]
        lines.append(
            f"durations: median {duration(spread['p50'])}, 95th percentile {duration(spread['p95'])}, "
            f"99th {duration(spread['p99'])}"
        )
    if figures.get("exact") is False:
        why = figures.get("inexact_because") or "some figures are being recounted; ask again in a moment"
        lines.append(paint(plain(why, 300), "yellow"))
    if kinds := figures.get("by_action_type"):
        rows = [_row(kind) for kind in sorted(kinds, key=lambda kind: (-kind["total"], kind["action_type"]))]
        header, *body = table(
            ["action type", "attempts", "success", "failed", "other", "success rate", "median", "p95"], rows
        )
        lines += ["", paint(header, "bold"), *body]
    return [line for position, line in enumerate(lines) if line or position > 1]


def _row(kind: dict[str, Any]) -> list[str]:
    counts, spread = kind.get("by_status") or {}, kind.get("durations") or {}
    success, failed = counts.get("success") or 0, counts.get("failed") or 0
    return [
        plain(kind["action_type"], 50) or "(none)",
        str(kind["total"]),
        str(success),
        str(failed),
        str(kind["total"] - success - failed),
        rate(kind.get("success_rate")),
        duration(spread.get("p50")),
        duration(spread.get("p95")),
    ]


def _days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 3650:
        raise argparse.ArgumentTypeError(f"a whole number of days from 1 to 3650, not {text!r}")
    return int(text)
