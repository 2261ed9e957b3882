"""Splits the bytes of a request into those of its documents, without decoding any. What they say is decoding's matter.

Only strings and brackets are looked at, so that a document that is no JSON, or that no decoder takes, costs the others
nothing as long as its brackets balance. Regular expressions do the walking, since a step of Python for each bracket of
a large request would take many seconds: one match goes over a whole document, unless it is nested deeper than most.
"""

import re
from collections.abc import Collection
from typing import Final

import msgspec

from attempts.validation import Fault

# A match goes over brackets nested this deep; those of deeper ones are stepped over one run at a time. More levels
# would be tried, and tried again one level further in, on text that is nested deeper still.
_LEVELS: Final = 5
# No document comes near. Without an end, a request of nothing but opening brackets would be walked to its last one.
_DEEPEST: Final = 100_000

_SPACE: Final = b" \t\n\r"
_STRING: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'


def _balanced(plain: bytes, levels: int = _LEVELS) -> bytes:
    """A pattern of strings, of plain bytes, and of brackets nested up to this many levels with such text inside."""
    nested = rb"|[\[{]" + _balanced(rb'[^\[\]{}"]', levels - 1) + rb"[\]}]" if levels else b""
    return plain + rb"*+(?:(?:" + _STRING + nested + rb")" + plain + rb"*+)*+"


_OPENING: Final = re.compile(rb"[ \t\n\r]*\{[ \t\n\r]*(?P<empty>\}[ \t\n\r]*\Z)?")
_MEMBER: Final = re.compile(rb"[ \t\n\r]*(?P<name>" + _STRING + rb")[ \t\n\r]*:[ \t\n\r]*(?P<list>\[)?", re.DOTALL)
_AFTER_MEMBER: Final = re.compile(rb"[ \t\n\r]*(?:,|(?P<end>\}[ \t\n\r]*\Z))")
_ELEMENT: Final = re.compile(_balanced(rb'[^\[\]{}",]'), re.DOTALL)
_RUN: Final = re.compile(_balanced(rb'[^\[\]{}"]') + rb"(?P<run>[\[{]++|[\]}]++)", re.DOTALL)


def too_many(most: int) -> Fault:
    """The fault of a request with more documents than this."""
    return Fault(f"More than {most} documents in one request; send them in several.", path="", code="too_large")


def split_lists(
    body: bytes, names: Collection[str], most: int, *, beside: Collection[str] = ()
) -> dict[str, list[bytes]]:
    """The elements of each list in a JSON object whose members are lists of these names, as they stand in it.

    An element may be anything but empty. A member of one of the names in beside may be anything, and is given whole,
    as the one element. Raises Fault for the object as a whole: when it is no such object, or when it has more than so
    many elements, which is found before the rest is walked.
    """
    lists: dict[str, list[bytes]] = {}
    opening = _OPENING.match(body)
    if opening is None:
        raise Fault("The body of the request must be a JSON object.", path="")
    if opening["empty"] is not None:
        return lists
    position, left = opening.end(), most
    while True:
        member = _MEMBER.match(body, position)
        if member is None:
            raise _malformed(position)
        name = _read_name(member["name"], position)
        if name not in names and name not in beside:
            raise Fault(f"This is none of {', '.join([*names, *beside])}.", path=name)
        if name in lists:
            raise Fault("The request has this twice; send it once.", path=name)
        if name in beside:
            start = member.start("list") if member["list"] else member.end()
            position = _end_of_element(body, start)
            lists[name] = [body[start:position].strip(_SPACE)]
        elif member["list"] is None:
            raise Fault("This must be a list.", path=name)
        else:
            lists[name], position = _split_list(body, member.end(), left)
            left -= len(lists[name])
            if left < 0:
                raise too_many(most)
        after = _AFTER_MEMBER.match(body, position)
        if after is None:
            raise _malformed(position)
        if after["end"] is not None:
            return lists
        position = after.end()


def _split_list(body: bytes, start: int, most: int) -> tuple[list[bytes], int]:
    """The elements of the list whose inside starts here, up to one more than the most, and where the list ends."""
    elements: list[bytes] = []
    position = start
    while len(elements) <= most:
        position = _end_of_element(body, position)
        following = body[position : position + 1]
        if following not in (b",", b"]"):
            raise _malformed(position)
        element = body[start:position].strip(_SPACE)
        position += 1
        if element:
            elements.append(element)
        elif elements or following == b",":
            raise _malformed(position - 1)
        if following == b"]":
            break
        start = position
    return elements, position


def _end_of_element(body: bytes, position: int) -> int:
    """Where the value that starts here ends: at a comma, or at what closes the value around it."""
    while True:
        found = _ELEMENT.match(body, position)
        position = found.end() if found else position
        if body[position : position + 1] not in (b"[", b"{"):
            return position
        position = _end_of_deep(body, position)


def _end_of_deep(body: bytes, position: int) -> int:
    """Where the brackets that open here are closed again."""
    depth = 0
    while step := _RUN.match(body, position):
        start, position = step.span("run")
        if body[start] in b"[{":
            depth += position - start
            if depth > _DEEPEST:
                raise Fault("The request is nested too deep to be read.", path="", code="too_large")
        elif position - start >= depth:
            return start + depth
        else:
            depth -= position - start
    raise _malformed(len(body))


def _read_name(source: bytes, position: int) -> str:
    try:
        return msgspec.json.decode(source, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _malformed(position) from error


def _malformed(position: int) -> Fault:
    return Fault(f"This is not JSON: the request is malformed at byte {position}.", path="")
