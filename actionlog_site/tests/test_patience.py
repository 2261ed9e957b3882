"""A connection that waits only so long, on the real server."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import psycopg
import pytest
from django.db import connection

from actionlog_site.home import BASE_DIR
from actionlog_site.patience import PatientConnection

pytestmark = pytest.mark.django_db


class HastyConnection(PatientConnection):
    # Much longer than a busy server takes for what is at hand.
    patience_seconds = 2.0


@pytest.fixture
def hasty() -> Iterator[HastyConnection]:
    parameters = {
        name: connection.get_connection_params()[name]
        for name in ("dbname", "user", "host", "port")
        if name in connection.get_connection_params()
    }
    with HastyConnection.connect(**parameters, autocommit=True) as hasty:
        yield hasty


def test_a_statement_without_an_answer_ends_its_connection_and_is_cancelled(hasty: HastyConnection) -> None:
    pid = hasty.info.backend_pid
    began = time.monotonic()
    with pytest.raises(psycopg.OperationalError, match=r"did not answer within 2 seconds"):
        hasty.execute("SELECT pg_sleep(120)")
    assert time.monotonic() - began < 60
    assert hasty.closed
    deadline = time.monotonic() + 60
    with connection.cursor() as cursor:
        while cursor.execute("SELECT pg_stat_clear_snapshot(), count(*) FROM pg_stat_activity WHERE pid = %s", [pid]):
            row = cursor.fetchone()
            if row is not None and row[1] == 0:
                break
            assert time.monotonic() < deadline, "the server still works on it"
            time.sleep(0.05)


def test_an_error_of_a_statement_is_told_as_it_is_and_leaves_the_connection_open(hasty: HastyConnection) -> None:
    with pytest.raises(psycopg.OperationalError, match="statement timeout"):
        hasty.execute("SET statement_timeout = 50; SELECT pg_sleep(120)")
    assert hasty.execute("SELECT 1").fetchone() == (1,)


def test_each_statement_has_its_own_time(hasty: HastyConnection) -> None:
    began = time.monotonic()
    for _ in range(3):
        hasty.execute("SELECT pg_sleep(0.7)")
    assert time.monotonic() - began > hasty.patience_seconds


@pytest.mark.parametrize(("imported", "patience"), [("attempts.models", "None"), ("actionlog_site.asgi", "8.0")])
def test_only_a_process_that_answers_requests_is_impatient(imported: str, patience: str) -> None:
    code = (
        f"import django; django.setup(); import {imported}; from django.db import connection; "
        "connection.ensure_connection(); print(connection.connection.patience_seconds)"
    )
    told = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "actionlog_site.settings"},
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == patience
