"""The patterns in the database, as the index that grouping.py asks: for the unseen fingerprints of one transaction.

Nothing is written one by one. What place() decides is kept here until settle(), which takes four statements however
many fingerprints there are, and agrees with another process that founds the same pattern at the same time: the unique
key decides who was first, and the second joins. Counting is recording.py.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from msgspec.json import encode as encode_json

from analytics.patterns.grouping import Unseen, place
from analytics.patterns.templates import widen, words_of
from attempts.storage import execute, uuid_array

# Shared, so that no merge gives the key to another pattern before this transaction ends.
_KEYS: Final = """
    SELECT pattern_key, pattern_id FROM failure_pattern_keys WHERE pattern_key = ANY(%s::uuid[])
    ORDER BY pattern_key FOR SHARE
"""
_ADD_KEYS: Final = """
    INSERT INTO failure_pattern_keys (pattern_key, pattern_id, version)
    SELECT pattern_key, pattern_id, version
    FROM json_to_recordset(%s::json) AS given (pattern_key uuid, pattern_id uuid, version smallint)
    ON CONFLICT (pattern_key) DO NOTHING
"""
_ADD_PATTERNS: Final = """
    INSERT INTO failure_patterns (
        pattern_id, action_type, template, created_at, state, state_changed_by, occurrences, incidents)
    SELECT pattern_id, action_type, template, created_at, 'new', '', 0, 0
    FROM json_to_recordset(%s::json) AS given (
        pattern_id uuid, action_type text, template text, created_at timestamptz)
"""
_ADD_FINGERPRINTS: Final = """
    INSERT INTO failure_fingerprints (
        fingerprint, version, action_type, error_type, masked, pattern_key, pattern_id, occurrences, recount_due)
    SELECT fingerprint, version, action_type, error_type, masked, pattern_key, pattern_id, 0, false
    FROM json_to_recordset(%s::json) AS given (
        fingerprint uuid, version smallint, action_type text, error_type text, masked text, pattern_key uuid,
        pattern_id uuid)
    ON CONFLICT (fingerprint) DO NOTHING
"""
_TEMPLATES: Final = "SELECT pattern_id, template FROM failure_patterns WHERE pattern_id = ANY(%s::uuid[])"
_WIDEN: Final = """
    UPDATE failure_patterns AS stored SET template = given.template
    FROM json_to_recordset(%s::json) AS given (pattern_id uuid, template text)
    WHERE stored.pattern_id = given.pattern_id
"""


def own_all(failures: Iterable[Unseen], *, now: datetime) -> "StoredIndex":
    """Give each of these fingerprints a pattern, founding those that are missing. They are distinct.

    The templates of patterns that were there are widened by widen_templates() of what this returns, once the patterns
    are locked. Raises django.db.Error when the database refuses.
    """
    # In one order, so that two recorders who make the same wait for each other instead of deadlocking.
    ordered = sorted(failures, key=lambda failure: (failure.key.int, failure.fingerprint.int))
    index = StoredIndex(ordered)
    for failure in ordered:
        place(index, failure)
    index.settle(now=now)
    return index


class StoredIndex:
    """The patterns of the database, with what this transaction adds. A PatternIndex for fingerprints without owner."""

    def __init__(self, failures: Sequence[Unseen]) -> None:
        self._patterns: dict[UUID, UUID] = dict(
            execute(_KEYS, [uuid_array({each.key for each in failures})]).fetchall()
        )
        self._founders: dict[UUID, Unseen] = {}
        self._owned: list[Unseen] = []

    def owner(self, fingerprint: UUID) -> UUID | None:
        return None

    def alike(self, key: UUID) -> UUID | None:
        return self._patterns.get(key)

    def found(self, failure: Unseen) -> UUID:
        self._founders[failure.key] = failure
        self._owned.append(failure)
        pattern_id = self._patterns[failure.key] = uuid4()
        return pattern_id

    def join(self, pattern_id: UUID, failure: Unseen) -> None:
        self._owned.append(failure)

    def settle(self, *, now: datetime) -> None:
        """Write the patterns that were founded, unless somebody else founded them meanwhile, and the fingerprints."""
        if self._founders:
            mine = {key: self._patterns[key] for key in self._founders}
            rows = [
                {"pattern_key": key, "pattern_id": pattern_id, "version": self._founders[key].version}
                for key, pattern_id in mine.items()
            ]
            execute(_ADD_KEYS, [encode_json(rows).decode()])
            self._patterns |= dict(execute(_KEYS, [uuid_array(mine)]).fetchall())
            founded = [
                {
                    "pattern_id": pattern_id,
                    "action_type": self._founders[key].action_type,
                    "template": self._founders[key].masked,
                    "created_at": now,
                }
                for key, pattern_id in mine.items()
                if self._patterns[key] == pattern_id
            ]
            execute(_ADD_PATTERNS, [encode_json(founded).decode()])
        self._owned.sort(key=lambda failure: failure.fingerprint.int)
        owned = [
            {**failure._asdict(), "pattern_key": failure.key, "pattern_id": self._patterns[failure.key]}
            for failure in self._owned
        ]
        execute(_ADD_FINGERPRINTS, [encode_json(owned).decode()])

    def widen_templates(self) -> None:
        """Widen the templates of the patterns by the messages that joined them. The patterns must be locked."""
        stored: dict[UUID, str] = dict(execute(_TEMPLATES, [uuid_array(set(self._patterns.values()))]).fetchall())
        templates = dict(stored)
        for failure in self._owned:
            pattern_id = self._patterns[failure.key]
            template = templates[pattern_id]
            # Of another pattern that was merged into this one, the words are other words.
            if words_of(template) == words_of(failure.masked):
                templates[pattern_id] = widen(template, failure.masked)
        widened = [
            {"pattern_id": pattern_id, "template": template}
            for pattern_id, template in sorted(templates.items())
            if template != stored[pattern_id]
        ]
        if widened:
            execute(_WIDEN, [encode_json(widened).decode()])
