"""What can be told of attempts without a server: from the journals and from the JSON store. Writes nothing."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from actionlog_client.journal.cursor import STORED
from actionlog_client.journal.directory import JournalDirectory
from actionlog_client.journal.entries import Entry
from actionlog_client.journal.folder import JournalFolder
from actionlog_client.journal.reader import JournalReader
from actionlog_client.journal.removed import removed_until
from actionlog_client.json_store import attempt_files
from actionlog_client.local_attempts import LocalAttempt, attempt_of, documents_by_attempt
from actionlog_client.local_statistics import statistics_of, window_start
from actionlog_client.stored_attempt import Members, members_of, united

# A reader that no cursor belongs to begins at the beginning.
_NOBODY: Final = "local-reader"


class LocalFiles:
    """The attempts of all journals in a directory and of a store's folder, None for no store."""

    def __init__(self, directory: JournalDirectory, json_store: Path | None) -> None:
        self._directory = directory
        self._json_store = json_store

    def attempts_by_incident(self, incident_id: str) -> list[dict[str, Any]]:
        """The attempts of an incident with their steps as the server's answers show them, the first one first."""
        found = [attempt for attempt in self._attempts() if attempt.incident_id == incident_id]
        return [attempt.shown() for attempt in sorted(found, key=_begun)]

    def statistics(self, days_back: int, *, now: datetime) -> dict[str, Any]:
        """The server's figures of the last days_back times 24 hours, as far as they can be known here. exact is False,
        and inexact_because says why, when some of what was recorded in this time was removed.

        Raises ValueError for days_back outside of 1 to 3660.
        """
        begins = window_start(days_back, now).timestamp()
        # What was last written before the window began did not start in it.
        figures = statistics_of(self._attempts(begins), days_back, now)
        # Asked for afterwards: what goes while it is counted counts as gone.
        gone = removed_until(self._directory.path, also_stored=self._json_store is None)
        if gone > begins:
            until = datetime.fromtimestamp(gone, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
            figures["exact"] = False
            figures["inexact_because"] = (
                f"Of what was recorded here up to {until}, the disk budget has removed some. "
                "Ask the server, or raise ACTIONLOG_DISK_BUDGET."
            )
        return figures

    def _attempts(self, changed_after: float = 0.0) -> Iterator[LocalAttempt]:
        # Journals first: what leaves them in the meantime is in the files then.
        told = documents_by_attempt(self._entries())
        for attempt_id, source in self._stored(changed_after):
            more = told.pop(attempt_id, None)
            document = None if more is None else _members(source)
            attempt = attempt_of(source if more is None or document is None else united(document, more))
            if attempt is not None:
                yield attempt
        for members in told.values():
            if (attempt := attempt_of(members)) is not None:
                yield attempt

    def _entries(self) -> Iterator[Entry]:
        """What is in the journals and not in the store."""
        for state in self._directory.journals():
            # It acknowledges nothing, so that no cursor is moved.
            reader = JournalReader(JournalFolder(state.path), _NOBODY if self._json_store is None else STORED)
            try:
                while (batch := reader.read()) is not None:
                    yield from batch.entries
            except OSError:  # removed in the meantime
                continue
            finally:
                reader.close()

    def _stored(self, changed_after: float) -> Iterator[tuple[str, bytes]]:
        """The ids in the names of the files, and what is in them."""
        if self._json_store is None:
            return
        for path in attempt_files(self._json_store, unfinished=True, changed_after=changed_after):
            try:
                yield path.stem, path.read_bytes()
            except OSError:
                continue


def _members(source: bytes) -> Members | None:
    try:
        return members_of(source)
    except (msgspec.MsgspecError, RecursionError):
        return None


def _begun(attempt: LocalAttempt) -> tuple[float, str]:
    begun = attempt.effective_started_at
    return (begun.timestamp() if begun is not None else 0.0), attempt.attempt_id
