"""Whole numbers in query parameters of views that take no others."""

import re

from rest_framework.request import Request

from access.errors import ApiError


def whole_number(request: Request, name: str, *, default: int, most: int) -> int:
    """A parameter from 1 to most. Raises ApiError 400, which names it."""
    text = request.query_params.get(name, str(default))
    # Checked as text: int() is slow and then raises on a number of thousands of digits.
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= most:
        raise ApiError(400, f"Send a whole number from 1 to {most}.", field=name)
    return int(text)
