"""Numbers that an installation sets in its environment."""

import os

from django.core.exceptions import ImproperlyConfigured


def positive_number(name: str, *, default: float, most: float) -> float:
    """The number above 0, up to most, that this environment variable holds; the default where it is not set.

    Raises ImproperlyConfigured for anything else.
    """
    told = os.environ.get(name)
    if not told:
        return default
    try:
        number = float(told)
    except ValueError:
        number = 0.0
    if not 0 < number <= most:
        raise ImproperlyConfigured(f"{name} is {told!r}. Set it to a number above 0, up to {most:g}.")
    return number
