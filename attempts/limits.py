"""What one request may carry, read once from settings."""

from dataclasses import dataclass
from functools import cache

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Limits:
    document_bytes: int
    request_bytes: int
    documents: int
    nesting: int


@cache
def limits() -> Limits:
    return Limits(
        document_bytes=settings.ACTIONLOG_MAX_DOCUMENT_BYTES,
        request_bytes=settings.ACTIONLOG_MAX_REQUEST_BYTES,
        documents=settings.ACTIONLOG_MAX_DOCUMENTS,
        nesting=settings.ACTIONLOG_MAX_NESTING,
    )
