"""The keys of PostgreSQL's advisory locks, in one place so that no two uses share one. Both are transaction locks."""

from typing import Final

# Shared by every recording transaction, exclusive for a recount: a recount sees no half-recorded bucket.
RECORDING: Final = 0x41435401
# Held by a recording transaction from its feed entry to its commit: revisions are in the order of commits.
FEED: Final = 0x41435402
