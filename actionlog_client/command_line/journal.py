"""What this machine has recorded, and what of it the server has: is the record complete?

  actionlog journal
  actionlog journal --json | jq '.journals[] | select(.verdict != "complete")'
  actionlog journal --resend

Each process that records has a journal of its own, whose entries are numbered from 1. For each one it says what was
written here, what is delivered, what waits and what was refused, beside what the server has of it, by number. A journal
that is complete and of which nobody writes any more is counted only, beyond the newest few; --all shows each.

What the server refused is kept here with the reason, and not sent again by itself. --resend does it once, also while
engines run: after a repair of the server, of the key, or of a proxy before it. What is taken then counts as stored.

exit codes:
  0  all that was written is on the server, or was refused with a reason
  1  something waits, or is missing, or was refused again
  3  the server cannot be reached; what can be said without it is shown
"""

import argparse
import json
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from actionlog_client.command_line.arguments import FAILED, UNREACHABLE, Trouble, key_advice, settings_of, transport_of
from actionlog_client.command_line.comparison import Comparison, compare, how_many
from actionlog_client.command_line.terminal import Paint, clock, numbers, plain
from actionlog_client.settings import Settings

if TYPE_CHECKING:
    from actionlog_client.journal.directory import JournalState

NEWEST_SHOWN: Final = 5
REASONS_SHOWN: Final = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--all", action="store_true", help="show each journal, however many are complete")
    parser.add_argument("--resend", action="store_true", help="send what was refused once more (scope ingest)")
    parser.add_argument("--json", action="store_true", help="print all of it as one JSON object")


def execute(arguments: argparse.Namespace) -> int:
    """Print the journals; 0 when they are complete. Raises Trouble."""
    settings = settings_of(arguments)
    from actionlog_client.journal.directory import JournalDirectory

    directory = JournalDirectory(settings.journal_dir, settings.disk_budget)
    if settings.journal_dir.exists() and not os.access(settings.journal_dir, os.R_OK | os.X_OK):
        raise Trouble(f"{settings.journal_dir} cannot be read; ask as the user that the engine runs as.")
    states = sorted(directory.journals(), key=_since)
    resent = _resend(states, settings) if arguments.resend else None
    server = _Server(settings)
    journals = [_journal(state, server) for state in states]
    comparisons = [compare(one["here"], one["server"], server.trouble, is_told=server.is_told) for one in journals]
    for journal, comparison in zip(journals, comparisons, strict=True):
        journal |= {"verdict": comparison.verdict, "missing_numbers": comparison.missing}
    told = {
        "journal_dir": str(settings.journal_dir),
        "bytes": sum(state.size for state in states),
        "budget_bytes": settings.disk_budget,
        "server": settings.url,
        "server_trouble": server.trouble,
        "complete": all(comparison.is_complete for comparison in comparisons),
        "journals": journals,
    }
    if resent is not None:
        told["resent"] = resent
    if arguments.json:
        print(json.dumps(told, ensure_ascii=False, default=str))
    else:
        for line in _lines(told, comparisons, Paint(), everything=arguments.all):
            print(line)
    if server.trouble is not None and settings.url is not None:
        return UNREACHABLE
    return 0 if told["complete"] and not (resent and resent["refused"]) else FAILED


def _resend(states: Sequence["JournalState"], settings: Settings) -> dict[str, int]:
    """Send what was refused once more: how many documents were taken, and how many refused again. Raises Trouble."""
    from actionlog_client.delivery.answers import TryLater
    from actionlog_client.delivery.resending import resend
    from actionlog_client.delivery.transport import Unreachable

    transport = transport_of(settings)
    resent = {"taken": 0, "refused": 0}
    try:
        for state in states:
            for _, refusal in resend(state, transport):
                resent["taken" if refusal is None else "refused"] += 1
    except (Unreachable, TryLater) as error:
        raise Trouble(
            f"{resent['taken']} documents were taken, then it could not go on: {error} What is left is kept; "
            "call again later, with a key that has the scope ingest.",
            UNREACHABLE,
        ) from error
    except OSError as error:
        raise Trouble(f"{error}. Call as the user that the engine runs as.") from error
    finally:
        transport.close()
    return resent


class _Server:
    """Asks the server for one journal after the other, until it does not answer: trouble says why."""

    def __init__(self, settings: Settings) -> None:
        self.trouble: str | None = None
        self._transport = None
        if settings.url is None:
            self.trouble = "no server is told (ACTIONLOG_URL or --url)"
        else:
            self._transport = transport_of(settings)

    @property
    def is_told(self) -> bool:
        return self._transport is not None

    def journal(self, journal_id: str) -> dict[str, Any] | None:
        """What it has of this journal; None when it has never heard of it, or does not answer."""
        from actionlog_client import remote
        from actionlog_client.delivery.transport import Unreachable

        if self.trouble is not None or self._transport is None:
            return None
        try:
            return remote.engine(self._transport, journal_id)
        except Unreachable as error:
            self.trouble = str(error)
        except remote.ReadRefused as error:
            self.trouble = f"{self._transport.url} refuses to tell: {error} {key_advice()}"
        return None


def _journal(state: "JournalState", server: _Server) -> dict[str, Any]:
    from actionlog_client.journal.cursor import DELIVERED
    from actionlog_client.journal.refused import RefusedLog

    facts = state.facts
    refused = RefusedLog(state.path, state.size)
    damaged, damaged_numbers = _damage(state)
    written = state.written
    delivered = state.done.get(DELIVERED, 0)
    # Without a server, ours or its own, nothing is to be delivered.
    is_to_be_delivered = server.is_told or DELIVERED in facts.readers
    return {
        "journal_id": str(facts.journal_id),
        "engine": facts.engine,
        "engine_version": facts.engine_version,
        "client_version": facts.client_version,
        "host": facts.host,
        "process_id": facts.process_id,
        "started_at": facts.started_at,
        "living": state.is_held,
        "bytes": state.size,
        "here": {
            "written": written,
            "delivered": delivered,
            "waiting": max(0, written - delivered) if is_to_be_delivered else 0,
            "refused_numbers": refused.numbers(),
            "refusals": [
                {
                    "at": one.at,
                    "numbers": one.numbers,
                    "reason": one.reason,
                    "document": json.loads(bytes(one.document)),
                }
                for one in refused.entries()
            ],
            "refusals_cut": refused.cut(),
            "damaged": damaged,
            "damaged_numbers": damaged_numbers,
        },
        "server": server.journal(str(facts.journal_id)),
    }


def _since(state: "JournalState") -> datetime:
    return state.facts.started_at or datetime.min.replace(tzinfo=UTC)


def _damage(state: "JournalState") -> tuple[int, list[tuple[int, int]]]:
    """How many lines that are still here cannot be read, and the numbers of those that say it."""
    from actionlog_client.delivery.documents import ranges_of
    from actionlog_client.journal.folder import JournalFolder
    from actionlog_client.journal.reader import JournalReader

    # A reader that never acknowledges leaves no trace.
    reader = JournalReader(JournalFolder(state.path), "looked-at")
    lines = 0
    found: list[int] = []
    try:
        while batch := reader.read():
            lines += batch.damaged
            found += batch.damaged_numbers
    except OSError:
        pass  # removed meanwhile, or not ours to read: the figures beside it say so
    finally:
        reader.close()
    return lines, ranges_of(found)


def _lines(told: dict[str, Any], comparisons: Sequence[Comparison], paint: Paint, *, everything: bool) -> Iterator[str]:
    if not told["journals"]:
        yield f"{told['journal_dir']}: no journals; nothing was recorded here, or with another --journal-dir"
        return
    share = 100 * told["bytes"] / told["budget_bytes"]
    yield (
        f"{told['journal_dir']}: {len(told['journals'])} journals, {_size(told['bytes'])} of "
        f"{_size(told['budget_bytes'])} ({share:.0f} %)"
    )
    if "resent" in told:
        yield f"sent again: {told['resent']['taken']} taken, {told['resent']['refused']} refused again"
    if told["server_trouble"] is not None:
        yield paint(f"not compared: {plain(told['server_trouble'])}", "yellow")
    shown = list(zip(told["journals"], comparisons, strict=True))
    if not everything:
        newest = shown[-NEWEST_SHOWN:]
        old = shown[:-NEWEST_SHOWN]
        shown = [one for one in old if not one[1].is_complete or one[0]["living"]] + newest
    for journal, comparison in shown:
        yield ""
        yield from _about(journal, comparison, paint)
    if len(shown) < len(told["journals"]):
        yield ""
        yield f"and {len(told['journals']) - len(shown)} older ones, complete (--all shows them)"


def _about(journal: dict[str, Any], comparison: Comparison, paint: Paint) -> Iterator[str]:
    here, server = journal["here"], journal["server"]
    engine = " ".join(plain(journal[name]) for name in ("engine", "engine_version") if journal[name])
    state = "in use" if journal["living"] else "not in use"
    process = f"process {journal['process_id'] or '?'} on {plain(journal['host'] or '?')}"
    yield (
        f"{paint(journal['journal_id'], 'bold')}  {engine or 'no engine named'}  {process}, {state}, "
        f"since {clock(journal['started_at'], with_date=True)}"
    )
    damaged = f", {here['damaged']} damaged" if here["damaged"] else ""
    yield (
        f"  here    {here['written']} written, {here['delivered']} delivered, {here['waiting']} waiting, "
        f"{how_many(here['refused_numbers'])} refused{damaged}, {_size(journal['bytes'])}"
    )
    if server is not None:
        missing, refused = (
            f"{server[name]} {name}" + (f" ({numbers(server[f'{name}_numbers'])})" if server[name] else "")
            for name in ("missing", "refused")
        )
        yield (
            f"  server  {server['written']} known, {server['stored']} stored, {missing}, {refused}, "
            f"last heard {clock(server['last_heard_at'], with_date=True)}"
        )
    for refusal in here["refusals"][-REASONS_SHOWN:]:
        yield f"  refused {numbers(refusal['numbers'])}: {plain(refusal['reason'], 160)}"
    if (more := len(here["refusals"]) - REASONS_SHOWN + here["refusals_cut"]) > 0:
        yield f"  refused: {more} more (--json has those that are kept)"
    colour = "green" if comparison.is_complete else "red" if comparison.missing else "yellow"
    yield f"  {paint(comparison.verdict, colour)}"


def _size(count: int) -> str:
    if count < 1024:
        return f"{count} bytes"
    return f"{count / 1024:.0f} KiB" if count < 1024 * 1024 else f"{count / 1024 / 1024:.1f} MiB"
