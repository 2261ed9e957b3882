"""What makes two failures alike: a hash of action type, error type and the masked error message.

Masking takes away what differs between two occurrences of one failure. The version goes with each fingerprint, so that
the rules may change and history be regrouped. Patterns, which own sets of fingerprints, are in analytics.
"""

import hashlib
import re
from typing import Final
from uuid import UUID

from msgspec.json import encode as encode_json

VERSION: Final = 1

# Longer messages are alike when their beginnings are: a megabyte of output is not worth a megabyte of masking.
READ_CHARACTERS: Final = 4096

# The most specific first. Each replaces what it finds by the name of what it was.
_MASKS: Final = tuple(
    (re.compile(pattern), mask)
    for pattern, mask in (
        (r"\x1b\[[0-9;]*[A-Za-z]", ""),
        (r"\[redacted:[0-9a-f]{16}\]", "<secret>"),
        (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?", "<time>"),
        (r"\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b", "<time>"),
        (r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b", "<uuid>"),
        (r"\b[a-z][a-z0-9+.-]{1,12}://[^\s\"'<>]+", "<url>"),
        (r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b", "<address>"),
        (r"\"[^\"\n]{1,200}\"|'[^'\n]{1,200}'", "<quoted>"),
        (r"(?<![\w.])(?:/[\w.@+-]+){2,}/?", "<path>"),
        (r"\b0x[0-9a-fA-F]+\b", "<hex>"),
        (r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,}\b", "<hex>"),
        (r"-?\b\d+(?:[.,]\d+)*(?:ns|us|ms|s|m|h|d|B|kB|KB|KiB|MB|MiB|GB|GiB|Mi|Gi|Ki|%)?(?![\w])", "<number>"),
        (r"\d+", "<number>"),
        (r"\s+", " "),
    )
)


def mask(message: str) -> str:
    """The message without the details in which two occurrences of one failure differ."""
    for pattern, replacement in _MASKS:
        message = pattern.sub(replacement, message)
    return message.strip()


def fingerprint(action_type: str, error_type: str | None, error_message: str | None) -> UUID:
    """The identity of a way to fail. Any failure has one, also without a message."""
    masked = mask((error_message or "")[:READ_CHARACTERS])
    source = encode_json([action_type, error_type or "", masked])
    return UUID(bytes=hashlib.blake2b(source, digest_size=16).digest())
