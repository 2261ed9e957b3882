"""Masking rules of another version, for tests of regrouping. Run as a program, it regroups under them:

python -m analytics.tests.other_rules [--batch N] [ARGUMENT OF regroup_failures...]
"""

import os
import re
import sys
from typing import Final

NEXT_VERSION: Final = 101
MODULES: Final = (
    "attempts.fingerprint",
    "attempts.recording",
    "analytics.patterns.grouping",
    "analytics.patterns.recording",
    "analytics.patterns.recount",
)


def other_mask(line: str) -> str:
    """A role is a value, which it was not; the digits of an exit code are words, which they were not."""
    from attempts.masking import mask

    line = re.sub(r"(?<=code )\d", lambda digit: "abcdefghij"[int(digit[0])] * 2, line)
    return mask(re.sub(r"\b(primary|replica|standby)\b", "<value>", line))


def regroup_as_a_program() -> None:
    import importlib

    import django

    django.setup()
    for name in MODULES:
        importlib.import_module(name).VERSION = NEXT_VERSION  # type: ignore[attr-defined]
    importlib.import_module("attempts.fingerprint").mask = other_mask  # type: ignore[attr-defined]
    from django.core.management import call_command

    from analytics.patterns import regrouping

    arguments = sys.argv[1:]
    if arguments[:1] == ["--batch"]:
        size = int(arguments[1])
        arguments = arguments[2:]
        regrouping.BATCH = size  # type: ignore[misc]
    call_command("regroup_failures", *arguments)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "actionlog_site.settings")
    regroup_as_a_program()
