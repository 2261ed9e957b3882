"""Whose fault it is that something was not taken: the document's, or that of the server and the way to it. Pure.

What is the document's own fault is put aside. That must never be said of a document because the server is unwell: a
bad deployment, a proxy's page, a key that was mixed up. So an answer is taken for the last word on a document only when
it is an Actionlog server's own, and speaks of what is in the document.
"""

from enum import Enum
from typing import Final, Self

from actionlog_client.delivery.transport import Receipt, Refusal, Reply, Result

TAKEN: Final = ("created", "updated", "unchanged")
# These say that the way to the server is at fault, or the key, and not what was sent.
_THE_WAY: Final = frozenset({401, 407, 408, 421, 425, 426, 429})
# So do these when the server itself says them. A filter on the way may say them of one document.
_THE_WAY_BY_THE_SERVER: Final = frozenset({403, 404, 405})
_TOO_LARGE: Final = 413
# The codes of a fault within the server, and of a key that may write only the records of one engine.
_INTERNAL: Final = "internal"
FORBIDDEN: Final = "forbidden"


class TryLater(Exception):
    """The server could not take it now. retry_after in seconds, when it says so."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after

    @classmethod
    def said_by(cls, reply: Reply) -> Self:
        """Because of an answer that refuses a whole request."""
        return cls(f"HTTP {reply.status}: {reply.refusal().message}", reply.retry_after)


class HeldUp(TryLater):
    """This journal cannot go on, and it is not known whether the server is at fault. Others may fare better."""


class Fault(Enum):
    """Of what was sent; of the way to the server, or the server's own; or nobody knows yet."""

    CONTENT = "content"
    WAY = "way"
    UNCLEAR = "unclear"


def fault_of_request(reply: Reply) -> Fault | None:
    """Why a request as a whole was not taken; None when its documents have results of their own."""
    status = reply.status
    if status in (200, 207):
        return None
    if status < 400 or status > 500 or status in _THE_WAY:
        return Fault.WAY
    if status == 500:
        return Fault.UNCLEAR
    if not reply.is_actionlogs:
        return Fault.UNCLEAR
    return Fault.WAY if status in _THE_WAY_BY_THE_SERVER else Fault.CONTENT


def fault_of_result(result: Result) -> Fault | None:
    """Why one document was not taken; None when it was."""
    if result.outcome in TAKEN:
        return None
    if result.outcome == "unauthorized":
        return Fault.WAY
    code = result.error.code if result.error is not None else ""
    return Fault.UNCLEAR if result.outcome == FORBIDDEN or code == _INTERNAL else Fault.CONTENT


def receipt_of(reply: Reply, documents: int, url: str) -> Receipt:
    """The results of so many documents that the server at url was sent. Raises TryLater when the answer is not one."""
    receipt = reply.receipt()
    if receipt is None or len(receipt.results) != documents:
        raise TryLater(f"{url} does not answer like an Actionlog server")
    return receipt


def refusal_of(result: Result) -> Refusal:
    """Why this document was not taken, as far as the server says it."""
    return result.error or Refusal(message=f"outcome {result.outcome}")


def is_for_its_size(reply: Reply) -> bool:
    """Whether a part of the request might be taken at once."""
    return reply.status == _TOO_LARGE
