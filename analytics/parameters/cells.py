"""Sets of attempts as whole numbers whose bits are the attempts: `&` and bit_count() count cells at the speed of C.

The bits are in order of duration, those of unknown duration last, so that the median of any cell is found by halving.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from analytics.parameters.significance import Outcomes

Attempt = tuple[dict[str, Any], bool, float | None]


class Attempts(NamedTuple):
    """Attempts in order of their durations; succeeded is a set of them, durations are those that are known."""

    parameters: list[dict[str, Any]]
    succeeded: int
    durations: list[float]

    @classmethod
    def of(cls, attempts: Iterable[Attempt]) -> "Attempts":
        """From (parameters, success, duration in seconds or None)."""
        ordered = sorted(attempts, key=lambda attempt: (attempt[2] is None, attempt[2] or 0.0))
        return cls(
            [parameters for parameters, _, _ in ordered],
            members_of(bytearray(success for _, success, _ in ordered), 1),
            [seconds for _, _, seconds in ordered if seconds is not None],
        )

    def outcomes(self, members: int) -> Outcomes:
        """How many of these attempts succeeded."""
        return Outcomes((members & self.succeeded).bit_count(), members.bit_count())

    def median(self, members: int) -> float | None:
        """The median duration of these attempts, in seconds, of those that are known; None without any."""
        known = members & ((1 << len(self.durations)) - 1)
        n = known.bit_count()
        if not n:
            return None
        high = self.durations[_position(known, n // 2)]
        return high if n % 2 else (self.durations[_position(known, n // 2 - 1)] + high) / 2


def members_of(codes: bytearray, code: int) -> int:
    """The set of the attempts that have this code, by position."""
    digits = bytearray(b"0" * 256)
    digits[code] = ord("1")
    return int(codes[::-1].translate(bytes(digits)) or b"0", 2)


def _position(members: int, index: int) -> int:
    """The position of the member before which there are `index` others."""
    width, position = members.bit_length(), 0
    while width > 1:
        half = width // 2
        lower = members & ((1 << half) - 1)
        below = lower.bit_count()
        if index < below:
            members, width = lower, half
        else:
            members, width, index, position = members >> half, width - half, index - below, position + half
    return position
