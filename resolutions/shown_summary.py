"""An engine's summary as the incident page shows it: figures in words, the rest by its names. Pure.

The timeline is left out: the attempts themselves stand below it on the page. The API keeps all of it.
"""

import re
from typing import Final

import msgspec
from msgspec import Raw, Struct

from attempts.shown import LIST_LIMIT, ShownValue, duration, shown_value
from resolutions.summary import ComputedSummary, is_number

YES_NO: Final = {"true": "yes", "false": "no"}
LEFT_OUT: Final = frozenset({"timeline", "timeline_left_out"})
_FIRST: Final = {name: place for place, name in enumerate(("actions_planned", *ComputedSummary.__struct_fields__))}
_IDENTIFIER: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_SECONDS: Final = "_seconds"
# What a float holds for certain, and nobody reads more of a duration.
_MOST_DIGITS: Final = 15


class ShownSummary(Struct, frozen=True):
    """figures stand side by side, texts in a line each, values as any free-form value does."""

    figures: list[tuple[str, str]]
    texts: list[tuple[str, ShownValue]]
    values: list[tuple[str, ShownValue]]


def shown_summary(summary: Raw) -> ShownSummary | None:
    """Its members, those that tell nothing left out; None when none are left. The figures that every engine tells come
    first, since the order of members is not kept by jsonb."""
    shown = ShownSummary([], [], [])
    told = msgspec.json.decode(summary, type=dict[str, Raw])
    for name, raw in sorted(told.items(), key=lambda member: _FIRST.get(member[0], len(_FIRST))):
        if name in LEFT_OUT or bytes(raw) in (b"null", b"{}", b"[]", b'""'):
            continue
        if (figure := _figure(name, raw)) is not None:
            shown.figures.append(figure)
        elif (words := _words(raw)) is not None:
            shown.texts.append((label(name), words))
        else:
            shown.values.append((label(name), shown_value(raw, limit=LIST_LIMIT)))
    return shown if shown.figures or shown.texts or shown.values else None


def _figure(name: str, raw: Raw) -> tuple[str, str] | None:
    """A number or a yes or no; None for anything else."""
    text = bytes(raw).decode()
    if text in YES_NO:
        return label(name), YES_NO[text]
    if not is_number(bytes(raw)) or len(text) > LIST_LIMIT:
        return None
    if (
        name.endswith(_SECONDS)
        and text[0] != "-"
        and len(text.partition(".")[0]) <= _MOST_DIGITS
        and "e" not in text.lower()
    ):
        return label(name.removesuffix(_SECONDS)), duration(float(text))
    return label(name), text


def _words(raw: Raw) -> ShownValue | None:
    """A text that is short, or an object of figures and short texts, in a line; None for anything else."""
    data = bytes(raw)
    if data.startswith(b'"'):
        shown = shown_value(raw, limit=LIST_LIMIT)
        return shown if shown.is_short else None
    if not data.startswith(b"{"):
        return None
    members = []
    for name, member in msgspec.json.decode(data, type=dict[str, Raw]).items():
        if bytes(member) == b"null":
            continue
        if (figure := _figure(name, member)) is not None:
            members.append(" ".join(figure))
        elif bytes(member).startswith(b'"'):
            members.append(f"{label(name)} {msgspec.json.decode(member, type=str)}")
        else:
            return None
    text = ", ".join(members)
    line = ShownValue("text", text, len(text))
    return line if line.is_short else None


def label(name: str) -> str:
    """A name of ours in words; any other as it is."""
    return name.replace("_", " ") if _IDENTIFIER.fullmatch(name) else name
