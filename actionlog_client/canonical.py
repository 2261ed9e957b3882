"""The canonical form of JSON values: two values are the same when their canonical forms are.

Sorted keys, numbers as exact decimals (1, 1.0 and 1e0 are one number, as in PostgreSQL's jsonb), true is not 1. Pure:
the server's law of merging and the marks of secrets (redaction.py), on both sides, rest on it.
"""

from decimal import Decimal
from typing import Any

from msgspec.json import encode as encode_json


def canonical(value: Any) -> str:
    """The canonical text of a decoded JSON value (dict, list, str, int, Decimal, bool or None)."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return encode_json(value).decode()
        case int():
            return str(value)
        case Decimal():
            return _canonical_decimal(value)
        case dict():
            return "{" + ",".join(f"{canonical(key)}:{canonical(value[key])}" for key in sorted(value)) + "}"
        case list():
            return "[" + ",".join(map(canonical, value)) + "]"
    raise TypeError(f"not a JSON value: {type(value).__name__}")


def _canonical_decimal(number: Decimal) -> str:
    """Digits and exponent without trailing zeros. Decimal.normalize would round to the context's precision."""
    sign, digits, exponent = number.as_tuple()
    text = "".join(map(str, digits)).lstrip("0")
    if not text:
        return "0"
    kept = text.rstrip("0")
    power = int(exponent) + len(text) - len(kept)
    plain = kept + "0" * power if power >= 0 else f"{kept}e{power}"
    return f"-{plain}" if sign else plain
