"""The program of the HTTP service: a little shop. Run as `python -m demonstration.laboratory.shop FOLDER PORT`.

    GET /price          a price, by the rules of the release, from the cached catalogue
    POST /orders        notes an order on the volume
    DELETE /cache       forgets the cached catalogue;   POST /cache/warm   reads what the cache lacks

In the folder: `current`, a link to the release; catalogue.json, the source; cache.json, what is cached of it (it
outlives a restart); `volume`. What goes wrong inside is a 500 that says what.
"""

import contextlib
import json
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType
from typing import Any

from demonstration.laboratory.companion import end_with_starter, say_ready, take_note
from demonstration.laboratory.volume import Volume


class Shop:
    """What the handlers do, without HTTP."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._volume = Volume(folder / "volume")
        self.release()  # one that cannot be read is noticed at the start

    def release(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads((self._folder / "current" / "pricing.json").read_text())
        return told

    def price(self) -> dict[str, Any]:
        self.warm()
        catalogue, release = json.loads((self._folder / "cache.json").read_text()), self.release()
        each = catalogue["pack_price"] / release["pack_size"]
        return {"price": each, "catalogue_version": catalogue["version"], "release": release["version"]}

    def order(self) -> dict[str, Any]:
        self._volume.append("orders.log", b"one order\n")
        return {"noted": True}

    def warm(self) -> dict[str, Any]:
        """Reads the catalogue unless one is cached, be it an old one."""
        cached = self._folder / "cache.json"
        lacking = not cached.exists()
        if lacking:
            cached.write_text((self._folder / "catalogue.json").read_text())
        return {"read": lacking}

    def clear(self) -> dict[str, Any]:
        with contextlib.suppress(FileNotFoundError):
            (self._folder / "cache.json").unlink()
            return {"cleared": True}
        return {"cleared": False}


class Handler(BaseHTTPRequestHandler):
    shop: Shop

    def do_GET(self) -> None:
        self._answer({"/price": self.shop.price})

    def do_POST(self) -> None:
        self._answer({"/orders": self.shop.order, "/cache/warm": self.shop.warm})

    def do_DELETE(self) -> None:
        self._answer({"/cache": self.shop.clear})

    def _answer(self, routes: dict[str, Any]) -> None:
        status, told = 404, {"error": "no such address"}
        if (route := routes.get(self.path)) is not None:
            try:
                status, told = 200, route()
            except Exception as error:  # as any web framework does
                status, told = 500, {"error": f"{type(error).__name__}: {error}"}
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads it."""


class Server(ThreadingHTTPServer):
    daemon_threads = True


def main() -> None:
    folder, port = Path(sys.argv[1]), int(sys.argv[2])
    end_with_starter()
    take_note(folder, "shop")
    Handler.shop = Shop(folder)
    with Server(("127.0.0.1", port), Handler) as server:

        def end(number: int, frame: FrameType | None) -> None:
            # shutdown waits for the loop that this thread is in.
            threading.Thread(target=server.shutdown).start()

        signal.signal(signal.SIGTERM, end)
        say_ready(str(server.server_address[1]))
        server.serve_forever(poll_interval=0.05)


if __name__ == "__main__":
    main()
