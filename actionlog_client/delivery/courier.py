"""The background thread that delivers journals: when to send, when to wait, whom to tell. What is sent, and what an
answer means, is in deliveries.py.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from actionlog_client.bell import Bell
from actionlog_client.delivery.answers import HeldUp, TryLater
from actionlog_client.delivery.backoff import BackOff
from actionlog_client.delivery.deliveries import IN_FLIGHT, Delivery
from actionlog_client.delivery.requests import Heartbeat
from actionlog_client.delivery.senders import Senders
from actionlog_client.delivery.transport import Transport, Unreachable
from actionlog_client.rounds import Rounds

logger = logging.getLogger("actionlog")

# After the first entry, so long for others to come along. Well below the tenth of a second that is promised.
GATHER_SECONDS: Final = 0.02
# How often it looks, without being woken, for journals that have rested long enough and heartbeats that are due.
IDLE_SECONDS: Final = 3.0
# An engine says so often that it is there, and that its open attempts are, whatever else it has to tell.
HEARTBEAT_SECONDS: Final = 15.0
# So long at most it delivers one journal before it turns to the others, and to what is alive.
TURN_SECONDS: Final = 1.0
HEARTBEATS_AT_ONCE: Final = 1_000
# While somebody waits in flush(), the server is tried again at least so often.
FLUSH_RETRY_SECONDS: Final = 0.5


class Courier:
    """Delivers journals in a thread of its own until it is closed.

    deliveries gives the journals that are to be delivered, this process's own first; it is called by the thread before
    each round. heartbeats gives what is open in this process.
    """

    def __init__(
        self,
        transport: Transport,
        deliveries: Callable[[Transport, Senders], Sequence[Delivery]],
        heartbeats: Callable[[], Sequence[Heartbeat]],
    ) -> None:
        self._transport = transport
        self._deliveries = deliveries
        self._heartbeats = heartbeats
        self._senders = Senders(IN_FLIGHT)
        self._back_off = BackOff()
        self._wake = Bell()
        self._rounds = Rounds()
        self._failures = self._waiting = 0
        self._closing = False
        self.last_error: str | None = None
        self._heartbeat_due = time.monotonic() + HEARTBEAT_SECONDS
        self._thread = threading.Thread(target=self._run, name="actionlog-courier", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            self._senders.close()
            raise

    def wake(self) -> None:
        """There is something to deliver."""
        self._wake.ring()

    def flush(self, timeout: float | None, *, patient: bool = True) -> bool:
        """Wait until a round that began after this call has delivered everything, for at most so many seconds.

        Whether one did. Not patient: one failure is enough to give up.
        """
        with self._rounds.changed:
            failures = self._failures
            self._waiting += 1
            try:
                self._rounds.changed.notify_all()
                return self._rounds.wait(
                    timeout,
                    self._wake.ring,
                    lambda: not self._thread.is_alive() or (not patient and self._failures > failures),
                )
            finally:
                self._waiting -= 1

    def close(self, timeout: float | None) -> None:
        """End the thread, after the request that is under way. What is not delivered stays in its journal."""
        with self._rounds.changed:
            self._closing = True
            self._rounds.changed.notify_all()
        self._wake.ring()
        self._thread.join(timeout)

    def _run(self) -> None:
        while not self._closing:
            self._wake.clear()
            number = self._rounds.begin()
            try:
                delivered_all = self._round()
            except Exception as error:
                self._rest(self._failed(error))
                continue
            self._worked()
            if not delivered_all:
                continue
            self._rounds.end(number)
            if self._wake.wait(min(IDLE_SECONDS, HEARTBEAT_SECONDS)) and not self._waiting:
                time.sleep(GATHER_SECONDS)
        self._senders.close()

    def _round(self) -> bool:
        """Give each journal its turn, the first one also to say what is alive. Whether all of them came to an end."""
        delivered_all = True
        for position, delivery in enumerate(self._deliveries(self._transport, self._senders)):
            if position and delivery.is_resting:
                continue
            turn_ends = time.monotonic() + TURN_SECONDS
            try:
                delivered_all &= delivery.deliver(lambda ends=turn_ends: not self._closing and time.monotonic() < ends)  # type: ignore[misc]
            except HeldUp as error:
                if position == 0:
                    raise
                # What a dead process left keeps nobody waiting for what the living one tells.
                delivery.rest()
                if not delivery.is_in_trouble:
                    logger.warning("the journal %s waits: %s", delivery.source.path, error)
                delivery.is_in_trouble = True
            except (TryLater, Unreachable):
                raise
            except Exception:
                if position == 0:
                    raise
                # One that a dead process left and that cannot be read holds up nobody else.
                if not delivery.is_in_trouble:
                    logger.exception("the journal %s cannot be delivered; it will be tried again", delivery.source.path)
                delivery.is_in_trouble = True
            if position == 0 and time.monotonic() >= self._heartbeat_due:
                self._heartbeat_due = time.monotonic() + HEARTBEAT_SECONDS
                alive = self._heartbeats()
                for first in range(0, max(1, len(alive)), HEARTBEATS_AT_ONCE):
                    delivery.report(alive[first : first + HEARTBEATS_AT_ONCE])
        return delivered_all

    def _failed(self, error: Exception) -> float:
        """Note it, say it once, and tell how many seconds to rest."""
        if isinstance(error, TryLater | Unreachable):
            if self.last_error is None:
                logger.warning("actions are kept in the journal until they can be delivered: %s", error)
        else:
            logger.exception("delivery failed; it will be tried again")
        self.last_error = str(error)
        return self._back_off.failed(getattr(error, "retry_after", None))

    def _worked(self) -> None:
        if self.last_error is not None:
            logger.warning("delivery works again")
        self.last_error = None
        self._back_off.worked()

    def _rest(self, seconds: float) -> None:
        """Wait before the next try. Who comes to wait for it meanwhile has one try at once, and then frequent ones."""
        began = time.monotonic()
        with self._rounds.changed:
            self._failures += 1
            self._rounds.changed.notify_all()
            known = self._waiting
            while not self._closing and self._waiting <= known:
                rest = min(seconds, FLUSH_RETRY_SECONDS) if self._waiting else seconds
                left = began + rest - time.monotonic()
                if left <= 0:
                    return
                self._rounds.changed.wait(left)
