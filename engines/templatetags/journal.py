"""Template tags that show sets of journal numbers."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from django import template

register = template.Library()

# Ranges shown in a table; the others are counted, and told by the API.
SHOWN_RANGES: Final = 6


@register.inclusion_tag("engines/_numbers.html")
def numbers(ranges: Sequence[tuple[int, int]], count: int, journal_id: UUID) -> dict[str, Any]:
    """Ranges as people read them, and how many more there are. count is that of all ranges."""
    shown = [str(first) if first == last else f"{first}–{last}" for first, last in ranges[:SHOWN_RANGES]]  # noqa: RUF001
    return {"shown": shown, "more": count - len(shown), "journal_id": journal_id}
