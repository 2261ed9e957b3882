"""Follows the head of the feed in one web process. What is done when it moves is the hub's."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

import psycopg
from django.db import connection

from resolutions.feed.entries import CHANNEL

logger = logging.getLogger(__name__)

# Notifications are wake-ups, not the truth: the head is asked for after each, and each second without one.
POLL_SECONDS: Final = 1.0
# Changes within this time make one wake-up, so that many commits a second cost their followers few frames.
PAUSE_SECONDS: Final = 0.02
LONGEST_BACKOFF_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 5.0
APPLICATION_NAME: Final = "actionlog-feed"

HEAD: Final = "SELECT coalesce(max(revision), 0) FROM feed"


async def follow_head(moved: Callable[[int], None]) -> None:
    """Call moved(head) at least once a second and soon after each commit, for ever.

    A lost connection is made again, with growing pauses up to 5 seconds.
    """
    backoff = 0.1
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(**_connection_parameters()) as listening:
                await listening.execute(f"LISTEN {CHANNEL}")
                while True:
                    moved(await _head(listening))
                    backoff = 0.1
                    await asyncio.sleep(PAUSE_SECONDS)
                    async for _ in listening.notifies(timeout=POLL_SECONDS, stop_after=1):
                        pass
        except (psycopg.Error, OSError) as error:
            logger.warning("The live feed lost its database connection (%s); trying again in %.1f s", error, backoff)
        except Exception:
            # A fault of ours must not leave every follower of this process without news for ever.
            logger.exception("The live feed cannot listen; trying again in %.1f s", backoff)
        await asyncio.sleep(backoff)
        backoff = min(2 * backoff, LONGEST_BACKOFF_SECONDS)


async def _head(listening: "psycopg.AsyncConnection[Any]") -> int:
    # Without the limit, a server that vanished from the network would be waited for until TCP gives up.
    async with asyncio.timeout(ANSWER_SECONDS):
        row = await (await listening.execute(HEAD)).fetchone()
    return int(row[0]) if row else 0


def _connection_parameters() -> dict[str, Any]:
    """Django's connection, outside its pool. The site's keepalives matter here: it is silent for long times."""
    parameters: dict[str, Any] = connection.get_connection_params()
    for name in ("cursor_factory", "context"):
        parameters.pop(name, None)
    return parameters | {"autocommit": True, "application_name": APPLICATION_NAME}
