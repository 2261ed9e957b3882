"""The benchmark of the import measures what it says, on a small scale."""

import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.server import ROOT


def test_it_prints_one_json_object_with_every_figure_and_leaves_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.import_files", "--json", "--files", "200"],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert list(figures) == ["files_per_second", "files", "again_per_second"]
    assert figures["files"] == 200
    assert min(figures["files_per_second"], figures["again_per_second"]) > 0
    assert list(tmp_path.iterdir()) == []
