"""UUIDs of version 7 (RFC 9562): they sort by time, which keeps the server's indexes small and local."""

import os
import random
import time
from typing import Final

_random: Final = random.Random(os.urandom(16))  # noqa: S311  # an identity, no secret
# After a fork parent and child would make the same ones.
os.register_at_fork(after_in_child=lambda: _random.seed(os.urandom(16)))


# The noise fills what version and variant leave: 12 bits beside the one, 62 beside the other.
_VERSION_AND_VARIANT: Final = 0x7000_8000_0000_0000_0000
_NOISE: Final = 0x0FFF_3FFF_FFFF_FFFF_FFFF
_NOISE_BITS: Final = _NOISE.bit_length()


def new_id() -> str:
    """A fresh UUID as text: 48 bits of Unix milliseconds, the rest random but for version and variant."""
    milliseconds = time.time_ns() // 1_000_000
    noise = _random.getrandbits(_NOISE_BITS) & _NOISE
    text = (milliseconds << 80 | _VERSION_AND_VARIANT | noise).to_bytes(16, "big").hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
