"""The package by itself: what it loads, and that it can be installed."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

from actionlog_client import __version__
from actionlog_client.tests.accounts import ROOT, run


def test_importing_the_package_imports_no_django_and_little_else() -> None:
    done = run(
        """
        import sys
        import actionlog_client
        unwanted = {"django", "actionlog_site", "attempts", "asyncpg", "psycopg", "websockets"} & sys.modules.keys()
        print(sorted(unwanted))
        """,
        {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
    )
    assert done.stdout == "[]\n", done.stderr


def test_the_version_is_that_of_the_package() -> None:
    assert tomllib.loads((ROOT / "actionlog_client/pyproject.toml").read_text())["project"]["version"] == __version__


def test_it_can_be_installed_by_itself(tmp_path: Path) -> None:
    installed = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"),
            *("--disable-pip-version-check", "--target", str(tmp_path / "site"), str(ROOT / "actionlog_client")),
        ],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PIP_CONFIG_FILE": os.devnull},
        capture_output=True,
        text=True,
        check=False,
    )
    assert installed.returncode == 0, installed.stderr
    files = {
        path.relative_to(tmp_path / "site").parts[1] for path in (tmp_path / "site/actionlog_client").rglob("*.py")
    }
    assert "logger.py" in files
    assert "tests" not in files
    done = run(
        """
        import actionlog_client, actionlog_client.testing
        print(actionlog_client.__file__)
        """,
        {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(tmp_path / "site")},
    )
    # Run from the repository's root, whose own copy would come first were it not installed: -c puts "" in front.
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site/bin/actionlog").exists()
