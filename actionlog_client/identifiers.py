"""UUIDs of version 7 (RFC 9562): they sort by time, which keeps the server's indexes small and local."""

import os
import random
import time
from typing import Final

_random: Final = random.Random(os.urandom(16))  # noqa: S311  # an identity, no secret
# After a fork parent and child would make the same ones.
os.register_at_fork(after_in_child=lambda: _random.seed(os.urandom(16)))


def new_id() -> str:
    """A fresh UUID as text: 48 bits of Unix milliseconds, the rest random but for version and variant."""
    milliseconds = time.time_ns() // 1_000_000 & 0xFFFF_FFFF_FFFF
    noise = _random.getrandbits(74)
    value = (milliseconds << 80) | (0x7 << 76) | ((noise >> 62) << 64) | (0b10 << 62) | (noise & (2**62 - 1))
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
