"""Follow the live feed: one line for each change that can be seen in it, from now on.

  actionlog tail
  actionlog tail --environment production --action-type restart_service
  actionlog tail --after 0 --json | jq -c '.attempts[]'

A line has the time, the status, the action type, the incident, the target, and the duration or the error. A connection
that breaks is made again, and nothing is missed meanwhile: the feed goes on from its cursor. Ctrl-C ends it.
With --json each message of the server is one line; its cursor is what --after takes.
"""

import argparse
import json
import select
import sys
import time
from collections import OrderedDict
from contextlib import suppress
from typing import Any, Final

from actionlog_client.command_line.arguments import FAILED, UNREACHABLE, Trouble, key_advice, settings_of, url_of
from actionlog_client.command_line.terminal import Paint, clock, duration, plain, status_of
from actionlog_client.delivery.backoff import BackOff
from actionlog_client.settings import Settings
from actionlog_client.version import VERSION

# How often we look whether somebody still reads what we print.
LOOK_SECONDS: Final = 1.0
# The server says something at least every 15 seconds.
SILENCE_SECONDS: Final = 45.0
OPEN_SECONDS: Final = 10.0
REMEMBERED: Final = 10_000
LARGEST_MESSAGE: Final = 64 * 1024 * 1024
# The server's own reasons to close: the key is not accepted (any more).
KEY_REFUSED: Final = (4401, 4403)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--after", type=_cursor, metavar="CURSOR", help="from this cursor on, 0 for all; else from now")
    parser.add_argument("--environment", help="only what has this environment")
    parser.add_argument("--action-type", help="only action attempts of this type")
    parser.add_argument("--incident", help="only what belongs to this incident")
    parser.add_argument("--json", action="store_true", help="print the messages as they are, one a line")


def execute(arguments: argparse.Namespace) -> int:
    """Print changes until Ctrl-C, or until nobody reads them. Raises Trouble."""
    settings = settings_of(arguments)
    tail = _Tail(settings, arguments)
    with suppress(KeyboardInterrupt):
        tail.follow()
    return 0


class _Tail:
    def __init__(self, settings: Settings, arguments: argparse.Namespace) -> None:
        self._url = url_of(settings)
        self._api_key = settings.api_key
        self._cursor: int | None = arguments.after
        self._filters = {
            name: value
            for name, value in (
                ("environment", arguments.environment),
                ("action_type", arguments.action_type),
                ("incident_id", arguments.incident),
            )
            if value is not None
        }
        self._json = arguments.json
        self._paint = Paint()
        self._shown: OrderedDict[str, str] = OrderedDict()
        self._was_connected = False

    def follow(self) -> None:
        """Until nobody reads us. Raises Trouble."""
        from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

        back_off = BackOff()
        while True:
            try:
                self._listen(back_off)
                return
            except InvalidURI as error:
                raise Trouble(f"{self._url} is no address of a server: {error}", FAILED) from error
            except InvalidStatus as error:
                if error.response.status_code < 500:
                    raise Trouble(self._refused(f"HTTP {error.response.status_code}"), FAILED) from error
                reason = f"HTTP {error.response.status_code}"
            except ConnectionClosed as error:
                if error.rcvd is not None and error.rcvd.code in KEY_REFUSED:
                    raise Trouble(self._refused(error.rcvd.reason), FAILED) from error
                reason = "the connection was closed"
            except (OSError, InvalidHandshake) as error:
                if isinstance(error, BrokenPipeError):
                    raise
                reason = getattr(error, "strerror", None) or str(error)
            self._wait(back_off, reason)

    def _listen(self, back_off: BackOff) -> None:
        """One connection, to its end. Returns when nobody reads us any more."""
        from websockets.sync.client import connect

        address = f"ws{self._url.removeprefix('http')}/ws/live-feed/"
        headers = {"Authorization": f"Bearer {self._api_key}"} if self._api_key else {}
        with connect(
            address,
            additional_headers=headers,
            user_agent_header=f"actionlog-client/{VERSION}",
            open_timeout=OPEN_SECONDS,
            close_timeout=LOOK_SECONDS,
            max_size=LARGEST_MESSAGE,
        ) as feed:
            feed.send(json.dumps({"type": "subscribe", "after": self._cursor, "filters": self._filters}))
            heard_at = time.monotonic()
            while True:
                try:
                    text = feed.recv(timeout=LOOK_SECONDS)
                except TimeoutError:
                    if _nobody_reads():
                        return
                    if time.monotonic() - heard_at > SILENCE_SECONDS:
                        raise TimeoutError("the server has gone silent") from None
                    continue
                heard_at = time.monotonic()
                self._take(json.loads(text), back_off)

    def _take(self, message: dict[str, Any], back_off: BackOff) -> None:
        kind = message.get("type")
        if kind == "error":
            raise Trouble(f"The server does not take these filters: {message['error']['message']}", FAILED)
        if "cursor" in message:
            self._cursor = message["cursor"]
        if not self._was_connected and back_off.failures:
            _say("connected again")
        self._was_connected = True
        back_off.worked()
        if self._json:
            if kind != "heartbeat":
                print(json.dumps(message, ensure_ascii=False), flush=True)
            return
        if kind == "reset":
            _say(f"what changed before cursor {self._cursor} is not known any more; what comes from now on follows")
        for resolution in message.get("resolutions") or []:
            what = plain(f"resolution of {resolution.get('incident_type') or 'incident'}", 40)
            self._show(resolution["resolution_id"], resolution, what)
        for attempt in message.get("attempts") or []:
            self._show(attempt["attempt_id"], attempt, plain(attempt["action_type"] or attempt["action_id"], 40))
        sys.stdout.flush()

    def _show(self, record_id: str, record: dict[str, Any], what: str) -> None:
        """A change that a line does not tell, such as another step, is passed over."""
        at = record.get("completed_at") or record.get("last_heard_at") or record.get("received_at")
        line = self._line(record, what)
        if self._shown.pop(record_id, None) != line:
            print(f"{clock(at)}  {line}")
        self._shown[record_id] = line
        if len(self._shown) > REMEMBERED:
            self._shown.popitem(last=False)

    def _line(self, record: dict[str, Any], what: str) -> str:
        status = status_of(record)
        parts = [self._paint.status(status, 12), self._paint(what, "bold"), plain(record["incident_id"], 60)]
        if record.get("target"):
            parts.append(f"on {plain(record['target'], 60)}")
        if record.get("execution_time_seconds") is not None:
            parts.append(duration(record["execution_time_seconds"]))
        if record.get("error_message"):
            error = f"{record['error_type']}: " if record.get("error_type") else ""
            parts.append(self._paint(plain(f"{error}{record['error_message']}", 120), "red"))
        elif record.get("title"):
            parts.append(plain(record["title"], 80))
        return "  ".join(parts)

    def _wait(self, back_off: BackOff, reason: str) -> None:
        """Before the next try. Raises Trouble when there has never been a connection."""
        if not self._was_connected and not back_off.failures:
            raise Trouble(
                f"{self._url} cannot be reached ({plain(reason)}). Is it running, is the address right?",
                UNREACHABLE,
            )
        if self._was_connected:
            _say(f"{plain(reason)}; trying again")
        self._was_connected = False
        time.sleep(back_off.failed())

    def _refused(self, reason: str) -> str:
        return f"{self._url} does not let us follow its feed ({reason}). {key_advice()}"


def _nobody_reads() -> bool:
    """Whether the other end of the pipe that we print to is closed."""
    try:
        output = select.poll()
        output.register(sys.stdout.fileno(), 0)
        return bool(output.poll(0))
    except (OSError, ValueError):
        return True


def _say(text: str) -> None:
    print(f"actionlog: {text}", file=sys.stderr)


def _cursor(text: str) -> int:
    if not text.isdecimal() or len(text) > 19:
        raise argparse.ArgumentTypeError(f"a cursor, which is a whole number, not {text!r}")
    return int(text)
