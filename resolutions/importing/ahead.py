"""Work done ahead in a thread of its own, so that files are read while PostgreSQL writes those before them."""

import queue
import threading
from collections.abc import Generator
from typing import Final, TypeVar

from django.db import connections

Item = TypeVar("Item")

_LOOK_SECONDS: Final = 0.1


def ahead(items: Generator[Item, None, None], *, depth: int) -> Generator[Item, None, None]:
    """The same items, up to this many of them made before they are asked for.

    What making them raises is raised here. A database connection that it uses is its thread's own, and closed with it.
    Close the generator to end the thread early.
    """
    made: queue.Queue[tuple[Item] | BaseException | None] = queue.Queue(depth)
    left = threading.Event()

    def put(what: tuple[Item] | BaseException | None) -> bool:
        while not left.is_set():
            try:
                made.put(what, timeout=_LOOK_SECONDS)
            except queue.Full:
                continue
            return True
        return False

    def make() -> None:
        end: BaseException | None = None
        try:
            for item in items:
                if not put((item,)):
                    return
        except BaseException as error:
            end = error
        finally:
            items.close()
            connections.close_all()
        put(end)

    thread = threading.Thread(target=make, name="ahead", daemon=True)
    thread.start()
    try:
        while (found := made.get()) is not None:
            if isinstance(found, BaseException):
                raise found
            yield found[0]
    finally:
        left.set()
        thread.join()
