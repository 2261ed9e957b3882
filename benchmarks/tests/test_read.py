"""The benchmark of reading measures what it says, on a small scale."""

import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks import read
from benchmarks.documents import ATTEMPTS_PER_INCIDENT, attempts, resolution_of
from benchmarks.server import ROOT


def test_it_prints_the_time_of_every_read_and_leaves_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "benchmarks.read",
            "--json",
            "--few",
            "120",
            "--many",
            "240",
            "--pages",
            "2",
            "--rounds",
            "1",
        ],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    reads = json.loads(done.stdout.splitlines()[-1])["reads"]
    assert {"metrics", "statistics_7d", "statistics_90d", "recent_with_details", "incident", "attempts_page_1"} <= set(
        reads
    )
    assert all(set(told) == {"ms_10k", "ms_1m"} and min(told.values()) > 0 for told in reads.values())
    assert list(tmp_path.iterdir()) == []


def test_the_report_names_what_takes_too_long() -> None:
    report = read.report(
        {
            "metrics": {"ms_10k": 10.0, "ms_1m": 15.1},
            "statistics_7d": {"ms_10k": 20.0, "ms_1m": 30.0},
            "statistics_90d": {"ms_10k": 10.0, "ms_1m": 99.0},
            "incident": {"ms_10k": 25.0, "ms_1m": 24.9},
        },
        few=10_000,
        many=1_000_000,
        rounds=8,
    )
    missed = {line.split()[0]: line[62:] for line in report.splitlines()[1:5]}
    assert missed == {
        "metrics": "more than 1.5 times",
        "statistics_7d": "more than 25 ms",
        "statistics_90d": "",
        "incident": "",
    }


def test_a_resolution_attempt_is_told_from_its_attempts() -> None:
    documents = list(attempts(ATTEMPTS_PER_INCIDENT, failing=0.0, seed=3, spread=read.SPREAD))
    told = resolution_of(documents)
    assert {document["resolution_id"] for document in documents} == {told["resolution_id"]}
    assert (told["started_at"], told["completed_at"]) == (documents[0]["started_at"], documents[-1]["completed_at"])
