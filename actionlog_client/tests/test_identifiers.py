"""UUIDs of version 7, made without the library's class for them."""

import time
from functools import reduce
from operator import and_, or_
from uuid import RFC_4122, UUID

from actionlog_client.identifiers import new_id

# Of version and variant, in the lower 80 bits.
FIXED = 0xF000_C000_0000_0000_0000
TOLD = 0x7000_8000_0000_0000_0000


def test_ids_are_of_version_7_and_tell_when_they_were_made() -> None:
    before = time.time_ns() // 1_000_000
    told = new_id()
    after = time.time_ns() // 1_000_000
    made = UUID(told)
    assert (str(made), made.version, made.variant) == (told, 7, RFC_4122)
    assert before <= made.int >> 80 <= after


def test_every_other_bit_is_random() -> None:
    noise = [UUID(new_id()).int & (1 << 80) - 1 for _ in range(500)]
    assert reduce(and_, noise) == TOLD
    assert reduce(or_, noise) == TOLD | ((1 << 80) - 1) & ~FIXED
    assert len(set(noise)) == 500
