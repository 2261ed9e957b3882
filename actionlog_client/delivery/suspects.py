"""Documents that were not taken, nobody knows why, and those that speak against them. Who is sent when is in
deliveries.py.
"""

from dataclasses import dataclass
from typing import Final

from actionlog_client.delivery.documents import Document
from actionlog_client.delivery.requests import Heartbeat
from actionlog_client.delivery.transport import Refusal

# So often in turn the server must refuse the suspect and take another: one of several servers may be broken.
CONFIRMATIONS: Final = 3
# So many may be suspected together: when all fail, it is not they.
MOST_SUSPECTS: Final = 10


@dataclass(frozen=True, slots=True)
class Suspect:
    """A document of one entry that was not taken, and nobody knows why."""

    document: Document
    refusal: Refusal
    is_forbidden: bool = False


class Witnesses:
    """A document of each engine that the server took. Taken again it changes nothing, and shows that the server is
    well. Shared by the deliveries of one process."""

    def __init__(self) -> None:
        self._taken: dict[str | None, Document] = {}

    def note(self, engine: str | None, document: Document) -> None:
        """The server took it. engine: whose journal it is from."""
        known = self._taken.get(engine)
        if known is None or _tells_engine(document) or not _tells_engine(known):
            self._taken[engine] = document

    def heartbeat(self, engine: str | None, *, for_key: bool) -> Heartbeat | None:
        """One entry of such a document, to be sent without its number; None when nothing was taken yet.

        for_key: it must show that the key may write what this engine tells, for which it tells its engine itself.
        """
        document = self._taken.get(engine)
        if for_key:
            document = document if document is not None and _tells_engine(document) else None
        elif document is None:
            document = next(iter(self._taken.values()), None)
        return None if document is None else (document.kind, document.parts()[0].body())


def _tells_engine(document: Document) -> bool:
    return b'"engine":' in bytes(document.entries[0].facts)
