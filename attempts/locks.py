"""The keys of PostgreSQL's advisory locks, in one place so that no two uses share one."""

from typing import Final

# Transaction lock. Shared by every recording transaction, exclusive for a recount, which so sees no half-recorded
# bucket.
RECORDING: Final = 0x41435401
# Transaction lock. Held by a recording transaction from its feed entry to its commit: revisions are in the order of
# commits.
FEED: Final = 0x41435402
# Session lock. Held while a starting server migrates and makes the first user and key: others wait.
FIRST_RUN: Final = 0x41435403
# Transaction locks, the first number of a pair; the second is the slot of an incident. Held by whoever changes
# resolution attempts of the incident, and taken before any row.
INCIDENTS: Final = 0x41435404
# Session lock. Held by the one process that does the upkeep; others leave it to that one.
UPKEEP: Final = 0x41435405
# Transaction lock. Held while an operator, or a regrouping, decides what belongs to which failure pattern.
PATTERN_DECISIONS: Final = 0x41435406
