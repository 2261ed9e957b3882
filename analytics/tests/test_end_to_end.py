"""Documents go in through the recorder; the rollups follow, beside a repair too."""

import os
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actionlog_site.home import BASE_DIR
from analytics.models import MetricRecount
from analytics.queries import is_exact, metrics
from analytics.rebuild import recount
from analytics.tests.recording import START, an_id, differences, stored_counts
from analytics.windows import Window
from attempts.models import ActionAttempt
from resolutions.decoding import decode_ingest
from resolutions.ingest import ingest

WINDOW = Window("test", START - timedelta(days=1), START + timedelta(days=1))


def send(*attempts: dict[str, Any], resolutions: list[dict[str, Any]] | None = None) -> None:
    body = {"resolution_attempts": resolutions or [], "action_attempts": list(attempts)}
    ingest(decode_ingest(msgspec.json.encode(body), None))


moments = st.integers(-50, 50).map(lambda minutes: (START + timedelta(minutes=minutes)).isoformat())
documents = st.fixed_dictionaries(
    {
        "attempt_id": st.integers(0, 4).map(lambda number: str(an_id(number))),
        "action_id": st.just("a"),
        "action_type": st.just("restart"),
        "incident_id": st.just("INC"),
    },
    optional={
        "status": st.sampled_from(["pending", "in_progress", "success", "failed", "skipped"]),
        "started_at": moments,
        "completed_at": moments,
        "environment": st.sampled_from(["prod", "test"]),
        "execution_time_seconds": st.sampled_from([0, 2.5]),
        "logs": moments.map(lambda at: [{"sequence": 0, "step": "s", "timestamp": at}]),
    },
)


@pytest.mark.django_db
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(documents, min_size=1, max_size=5), min_size=1, max_size=5))
def test_rollups_equal_a_recount_after_any_documents_conflicts_included(batches: list[list[dict[str, Any]]]) -> None:
    with transaction.atomic():
        for batch in batches:
            send(*batch)
        assert differences() == []
        assert not MetricRecount.objects.exists()
        statuses = ActionAttempt.objects.values_list("status", flat=True)
        assert stored_counts() == Counter(status or "in_progress" for status in statuses)
        transaction.set_rollback(True)


RECORDER = """
import sys, uuid
import django
django.setup()
from analytics.tests.test_end_to_end import send
for batch in range(60):
    ids = [str(uuid.uuid4()) for _ in range(5)]
    told = {"action_id": "a", "action_type": "restart", "incident_id": "INC", "started_at": "2025-06-15T10:00:00Z"}
    send(*({"attempt_id": id, **told} for id in ids))
    send(*({"attempt_id": id, **told, "status": "success", "execution_time_seconds": 2} for id in ids))
    print("\\n".join(ids), flush=True)
"""


@pytest.mark.django_db(transaction=True)
def test_a_repair_beside_recorders_in_other_processes_loses_nothing() -> None:
    at = connection.settings_dict
    url = f"postgresql://{at['USER']}:{at['PASSWORD']}@/{at['NAME']}?host={at['HOST']}&port={at['PORT'] or 5432}"
    environment = {**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": os.environ["DJANGO_SETTINGS_MODULE"]}
    recorders = [
        subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", RECORDER],
            env=environment,
            cwd=BASE_DIR,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    damages = 0
    while any(recorder.poll() is None for recorder in recorders):
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE resolution_metrics")
        damages += 1
        for _ in recount(repair=True):
            pass
    acknowledged = sorted(line for recorder in recorders for line in recorder.communicate()[0].split())
    assert [recorder.returncode for recorder in recorders] == [0, 0]
    assert damages > 1
    assert len(acknowledged) == 600
    for _ in recount(repair=True):
        pass
    assert differences() == []
    assert is_exact(WINDOW)
    assert acknowledged == sorted(map(str, ActionAttempt.objects.values_list("attempt_id", flat=True)))
    assert metrics(WINDOW).attempts.by_status.success == 600
    assert metrics(WINDOW).attempts.durations.n == 600
