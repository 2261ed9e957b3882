"""What PostgreSQL refuses in journals."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.apps import apps

from attempts.tests.refused_inserts import constraints_of, insert, refused_by
from engines.records import LARGEST_NUMBER

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
KNOWN = uuid.UUID(int=1)

JOURNAL: dict[str, Any] = {
    "journal_id": uuid.UUID(int=2),
    "first_heard_at": NOW,
    "last_heard_at": NOW,
    "written": 9,
    "stored": "{[1,4],[6,9]}",
    "refused": "{[5,5]}",
}
NOTHING = {"written": 0, "stored": "{}", "refused": "{}"}
LONGEST = {"written": LARGEST_NUMBER, "stored": f"{{[1,{LARGEST_NUMBER}]}}", "refused": "{}"}

REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("engine_journals_pkey", {"journal_id": KNOWN}),
    ("engine_journals_written_in_range", {**NOTHING, "written": LARGEST_NUMBER + 1}),
    ("engine_journals_stored_was_written", {"stored": "{[6,10]}"}),
    ("engine_journals_stored_was_written", {"stored": "{[0,4]}"}),
    ("engine_journals_stored_was_written", {"stored": "{[6,)}"}),
    ("engine_journals_refused_was_written", {"refused": "{[10,10]}"}),
    ("engine_journals_refused_was_written", {"refused": "{(,1)}", "stored": "{}"}),
    ("engine_journals_stored_is_not_refused", {"refused": "{[4,5]}"}),
    ("engine_journals_heard_first_then_last", {"last_heard_at": NOW - timedelta(seconds=1)}),
    *((name, {name: None}) for name in JOURNAL),
]


@pytest.fixture
def stored(db: None) -> None:
    insert("engine_journals", {**JOURNAL, "journal_id": KNOWN})


@pytest.mark.parametrize(("constraint", "wrong"), REFUSED)
def test_postgresql_refuses(stored: None, constraint: str, wrong: dict[str, Any]) -> None:
    assert refused_by("engine_journals", {**JOURNAL, **wrong}) == constraint
    assert refused_by("engine_journals", JOURNAL) is None


@pytest.mark.parametrize(
    "few", [NOTHING, {"written": LARGEST_NUMBER, "stored": f"{{[1,{LARGEST_NUMBER}]}}", "refused": "{}"}]
)
def test_postgresql_takes_the_empty_and_the_longest_journal(stored: None, few: dict[str, Any]) -> None:
    assert refused_by("engine_journals", {**JOURNAL, **few}) is None


def test_a_negative_length_is_refused(stored: None) -> None:
    # By the range type or by the constraint, whichever PostgreSQL looks at first.
    with pytest.raises(Exception, match=r"written_in_range|range lower bound"):
        insert("engine_journals", {**JOURNAL, **NOTHING, "written": -1})


def test_every_constraint_has_a_row_that_it_refuses(db: None) -> None:
    tables = [model._meta.db_table for model in apps.get_app_config("engines").get_models()]
    assert constraints_of(tables) <= {constraint for constraint, _ in REFUSED}
