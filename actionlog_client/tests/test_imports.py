"""What importing the package loads: for the server only the rules of redaction, for an engine nothing of the server."""

import subprocess
import sys

import pytest

import actionlog_client


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import actionlog_client.redaction", ["urllib3", "actionlog_client.logger", "actionlog_client.journal"]),
        ("import actionlog_client; actionlog_client.ActionLogger", ["django", "attempts", "psycopg", "websockets"]),
    ],
)
def test_importing_loads_no_more_than_is_needed(statement: str, absent: list[str]) -> None:
    code = f"{statement}; import sys; print([name for name in {absent!r} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_every_public_name_is_there() -> None:
    assert [name for name in actionlog_client.__all__ if getattr(actionlog_client, name, None) is None] == []
    assert set(actionlog_client.__all__) <= set(dir(actionlog_client))
    with pytest.raises(AttributeError):
        actionlog_client.nothing  # noqa: B018
