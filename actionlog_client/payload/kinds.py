"""What is known of single types: how numbers, times and identities are told, and where objects keep their fields.

Nothing here runs code of others: subclasses are read by the methods of the standard types that they are made of.
"""

import dataclasses
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from numbers import Rational, Real
from pathlib import Path, PosixPath, PurePath, PurePosixPath, PureWindowsPath, WindowsPath
from types import (
    AsyncGeneratorType,
    BuiltinFunctionType,
    CoroutineType,
    FunctionType,
    GeneratorType,
    MemberDescriptorType,
)
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

LOWEST_INTEGER: Final = -(2**63)
HIGHEST_INTEGER: Final = 2**64 - 1
# Beyond these the server takes no number: see its attempts/validation.py.
_LOWEST_EXPONENT: Final = -324
_HIGHEST_EXPONENT: Final = 308
_MOST_DIGITS: Final = 400
# Python writes out longer ones only in quadratic time, or refuses.
_MOST_BITS_WRITTEN: Final = 10_000

NOT_A_FIELD: Final = object()

# A leaf: the JSON value, and a note when it is not plainly what it was.
Leaf = tuple[Any, str | None]


def name_of(kind: type) -> str:
    """module.Class, whatever the metaclass makes of these attributes."""
    try:
        module = type.__dict__["__module__"].__get__(kind)
        name: str = type.__dict__["__qualname__"].__get__(kind)
        return name if module == "builtins" or not isinstance(module, str) else f"{module}.{name}"
    except Exception:
        return "object"


def attribute_of(kind: type, name: str) -> Any:
    """What the class itself has under this name, not asking it; NOT_A_FIELD for nothing."""
    for base in type.__dict__["__mro__"].__get__(kind):
        if name in type.__dict__["__dict__"].__get__(base):
            return type.__dict__["__dict__"].__get__(base)[name]
    return NOT_A_FIELD


def integer(value: int) -> Leaf:
    number = int.__int__(value)
    if LOWEST_INTEGER <= number <= HIGHEST_INTEGER:
        return number, None
    bits = number.bit_length()
    if bits > _MOST_BITS_WRITTEN:
        return f"<int of {bits} bits>", f"cut: int of {bits} bits"
    return str(number), "int beyond 64 bits as text"


def floating(value: float) -> Leaf:
    number = float.__float__(value)
    if number - number == 0:
        return number, None
    text = "NaN" if number != number else "Infinity" if number > 0 else "-Infinity"
    return text, f"float {text} as text"


def decimal(value: Decimal) -> Leaf:
    number = Decimal(value)
    if not number.is_finite():
        text = "NaN" if number.is_nan() else "Infinity" if number > 0 else "-Infinity"
        return text, f"Decimal {text} as text"
    in_range = not number or _LOWEST_EXPONENT <= number.adjusted() <= _HIGHEST_EXPONENT
    if not in_range or digits_of(number) > _MOST_DIGITS:
        return str(number), "Decimal out of range as text"
    return number, None


def digits_of(number: Decimal) -> int:
    """How many digits the number has when it is written out, roughly, as the server counts them."""
    _, figures, exponent = number.as_tuple()
    return len(figures) + abs(int(exponent))


def moment(value: datetime) -> Leaf:
    if value.tzinfo is not None:
        return datetime.isoformat(value), None
    try:
        return datetime.isoformat(datetime.astimezone(value)), "naive datetime, taken as local time"
    except (ValueError, OverflowError, OSError):
        return datetime.isoformat(value), "naive datetime"


def has_known_zone(value: datetime | time) -> bool:
    """Whether telling the offset runs no code of others."""
    return type(value.tzinfo) in (type(None), timezone, ZoneInfo)


LEAVES: Final[tuple[tuple[type, Callable[[Any], Leaf]], ...]] = (
    (int, integer),
    (float, floating),
    (Decimal, decimal),
    (datetime, moment),
    (date, lambda value: (date.isoformat(value), None)),
    (time, lambda value: (time.isoformat(value), None)),
    (timedelta, lambda value: (timedelta.total_seconds(value), "timedelta as seconds")),
    (UUID, lambda value: (UUID.__str__(value), None)),
)


def enum_value(value: Enum) -> Any:
    return object.__getattribute__(value, "_value_")


def field_names(kind: type) -> tuple[str, ...] | None:
    """The names of the fields of a dataclass, a msgspec Struct or an attrs class; None for another class."""
    if issubclass(kind, msgspec.Struct):
        return kind.__struct_fields__
    if attribute_of(kind, "__dataclass_fields__") is not NOT_A_FIELD:
        return tuple(field.name for field in dataclasses.fields(kind))  # type: ignore[arg-type]
    attributes = attribute_of(kind, "__attrs_attrs__")
    if isinstance(attributes, tuple):
        return tuple(str(attribute.name) for attribute in attributes)
    return None


def stored_fields(value: Any, names: tuple[str, ...]) -> list[tuple[str, Any]]:
    """The fields as they are stored, without a property or a __getattr__ being asked. Those not set are left out."""
    kind = type(value)
    try:
        own = object.__getattribute__(value, "__dict__")
    except AttributeError:
        own = {}
    fields = []
    for name in names:
        field = own.get(name, NOT_A_FIELD) if type(own) is dict else NOT_A_FIELD
        if field is NOT_A_FIELD:
            field = attribute_of(kind, name)
            if type(field) is MemberDescriptorType:
                try:
                    field = field.__get__(value, kind)
                except AttributeError:
                    continue
            elif attribute_of(type(field), "__get__") is not NOT_A_FIELD:
                continue
        if field is not NOT_A_FIELD:
            fields.append((name, field))
    return fields


def is_mapping(kind: type) -> bool:
    return issubclass(kind, Mapping)


def is_real(kind: type) -> bool:
    """Whether float() is a sensible reading; that of a fraction is not."""
    return issubclass(kind, Real) and not issubclass(kind, Rational)


# Types whose representation looks at nothing of others.
_CANDID: Final = tuple(
    vars(kind)["__repr__"]
    for kind in (object, FunctionType, BuiltinFunctionType, GeneratorType, CoroutineType, AsyncGeneratorType, complex)
)


def has_candid_representation(kind: type) -> bool:
    own = attribute_of(kind, "__repr__")
    return any(own is candid for candid in _CANDID)


def has_candid_message(error: BaseException) -> bool:
    """Whether str() of the exception runs no code of others."""
    own = attribute_of(type(error), "__str__")
    arguments: tuple[Any, ...] = BaseException.__dict__["args"].__get__(error)
    return any(own is candid for candid in _CANDID_MESSAGES) and all(
        type(argument) in (str, int, float, bool) for argument in arguments
    )


def has_candid_traceback(error: BaseException) -> bool:
    """Whether the traceback module runs no code of others for it and for those that it came from."""
    seen: list[BaseException] = []
    ahead = [error]
    while ahead:
        each = ahead.pop()
        if any(each is known for known in seen):
            continue
        seen.append(each)
        notes = attribute_of(type(each), "__notes__") is NOT_A_FIELD and "__notes__" not in _own_attributes(each)
        # For these it suggests names, and asks the object for those that it has.
        suggests = issubclass(type(each), (AttributeError, NameError, ImportError))
        if suggests or not notes or not has_candid_message(each):
            return False
        came_from = (BaseException.__dict__[name].__get__(each) for name in ("__cause__", "__context__"))
        ahead += [other for other in came_from if other is not None]
    return True


def _own_attributes(error: BaseException) -> dict[str, Any]:
    own: dict[str, Any] = BaseException.__dict__["__dict__"].__get__(error)
    return own


_CANDID_MESSAGES: Final = tuple(
    vars(kind)["__str__"] for kind in (BaseException, OSError, KeyError, ImportError, SyntaxError, UnicodeDecodeError)
)


def is_plain_path(kind: type) -> bool:
    return any(kind is plain for plain in (PosixPath, PurePosixPath, WindowsPath, PureWindowsPath, Path, PurePath))
