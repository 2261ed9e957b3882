"""What makes two failures alike to the letter: a hash of action type, error type and the masked informative line.

The version goes with each fingerprint, so that the rules may change and history be regrouped. Which line informs is in
informative_line.py, what a mask hides in masking.py. Patterns, which own sets of fingerprints, are in analytics.
"""

import hashlib
from typing import Final
from uuid import UUID

from msgspec.json import encode as encode_json

from attempts.informative_line import informative_line
from attempts.masking import mask

# 1: masks over the whole message. 2: lexemes of its informative line.
VERSION: Final = 2


def masked_message(error_message: str | None) -> str:
    """The informative line of a failure message, masked. Empty where there is no message."""
    return mask(informative_line(error_message))


def fingerprint(action_type: str, error_type: str | None, error_message: str | None) -> UUID:
    """The identity of a way to fail. Any failure has one, also without a message."""
    return digest(action_type, error_type or "", masked_message(error_message))


def digest(*parts: object) -> UUID:
    """The identity of these parts, which are texts or lists of texts, together and in this order."""
    return UUID(bytes=hashlib.blake2b(encode_json(parts), digest_size=16).digest())
