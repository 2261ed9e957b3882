"""Which recorder takes a request: the few documents of a live engine never wait behind the thousands of a batch.

Small requests share one recorder, and so the commits that are the dear part of them. Large ones take turns on two:
while PostgreSQL works for the one, Python works for the other.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from attempts.submissions import Submission
from resolutions.door.recorder import Recorder

# From so many documents, or so many bytes, on a request is a large one.
LARGE_DOCUMENTS: Final = 50
LARGE_BYTES: Final = 256 * 1024
LARGE_LANES: Final = 2


class Lanes:
    """The recorders of one process. All methods are for the event loop's thread."""

    def __init__(self) -> None:
        self.small = Recorder()
        self.large = [Recorder() for _ in range(LARGE_LANES)]

    async def record(self, submissions: Sequence[Submission[Any]], *, size: int) -> int:
        """As Recorder.record."""
        if len(submissions) < LARGE_DOCUMENTS and size < LARGE_BYTES:
            return await self.small.record(submissions, size=size)
        least = min(self.large, key=lambda recorder: recorder.waiting)
        return await least.record(submissions, size=size)

    async def close(self) -> None:
        """Record what waits, then end the threads."""
        await asyncio.gather(*(recorder.close() for recorder in (self.small, *self.large)))
