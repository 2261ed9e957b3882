"""JSON source seen by its meaning: exact decoding and encoding, and whether two sources mean the same value.

The exact decoder and encoder are what every other module uses when it must look inside free-form JSON. The canonical
form itself is defined with the marks of secrets, which rest on it: actionlog_client/canonical.py.
"""

from decimal import Decimal
from typing import Final

import msgspec

from actionlog_client.canonical import canonical

__all__ = ["canonical", "canonical_json", "decode_exact", "encode_exact", "exact_number", "same_json"]


def exact_number(text: str) -> Decimal:
    """A JSON number with every digit it has. Raises ValueError for one beyond what Decimal holds."""
    try:
        return Decimal(text)
    except ArithmeticError as error:
        raise ValueError("a number with an exponent that no number has") from error


# Numbers keep every digit on the way in and out: floats would lose some.
decode_exact: Final = msgspec.json.Decoder(float_hook=exact_number).decode
encode_exact: Final = msgspec.json.Encoder(decimal_format="number").encode


def canonical_json(text: bytes | bytearray | memoryview) -> str:
    """The canonical text of JSON source."""
    return canonical(decode_exact(text))


def same_json(one: bytes, other: bytes) -> bool:
    """Whether two JSON sources mean the same value."""
    return one == other or canonical_json(one) == canonical_json(other)
