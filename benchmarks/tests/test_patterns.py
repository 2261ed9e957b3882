import subprocess
import sys

from benchmarks.patterns import Grouper


def test_messages_with_other_details_are_one_group_and_other_words_another() -> None:
    group = Grouper()
    first = group("no answer from 10.0.0.1 after 30 s")
    assert group("no answer from 10.0.0.2 after 5 minutes") == first
    assert group("no reply from 10.0.0.2 after 5 minutes") != first


def test_the_grouper_needs_neither_settings_nor_a_database() -> None:
    script = "import sys, benchmarks.patterns; sys.exit('django' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True, env={})
