"""The verdict on one journal: what is here beside what the server has."""

from typing import Any

import pytest

from actionlog_client.command_line.comparison import compare, how_many, within, without
from actionlog_client.delivery.documents import united


def here(written: int, delivered: int, **facts: Any) -> dict[str, Any]:
    told = {"written": written, "delivered": delivered, "waiting": written - delivered}
    return told | {"refused_numbers": [], "damaged_numbers": []} | facts


def server(written: int, missing: list[tuple[int, int]] | None = None, refused: int = 0) -> dict[str, Any]:
    return {"written": written, "missing_numbers": missing or [], "refused": refused}


@pytest.mark.parametrize(
    ("ours", "theirs", "verdict", "complete"),
    [
        (here(20, 20), server(20), "complete", True),
        (here(0, 0), None, "complete", True),
        (here(20, 8), server(8), "12 waiting", False),
        # On their way: the server has heard how many there are, and not all of them yet.
        (here(20, 8), server(20, [(9, 20)]), "12 waiting", False),
        (here(20, 20), server(20, [(17, 19)]), "3 missing: 17-19", False),
        (here(20, 18), server(20, [(17, 20)]), "2 missing: 17-18, 2 waiting", False),
        # Its database came back from a backup.
        (here(20, 20), server(15), "5 missing: 16-20", False),
        (here(20, 20), None, "20 missing: 1-20", False),
        (here(20, 20, refused_numbers=[(4, 4), (9, 9)]), server(20, [], 2), "complete, 2 refused", True),
        # Put aside, and the server does not know it yet.
        (here(20, 20, refused_numbers=[(4, 4)]), server(20, [(4, 4)]), "complete, 1 refused", True),
        (here(20, 20, damaged_numbers=[(7, 7)]), server(20, [(7, 7)]), "1 missing: 7 (1 damaged on this disk)", False),
        (here(20, 20, damaged_numbers=[(7, 7)]), server(20), "complete", True),
        (here(20, 5, damaged_numbers=[(7, 7)]), server(5), "1 missing: 7 (1 damaged on this disk), 14 waiting", False),
    ],
)
def test_the_verdict_in_words(
    ours: dict[str, Any], theirs: dict[str, Any] | None, verdict: str, complete: bool
) -> None:
    comparison = compare(ours, theirs, None)

    assert (comparison.verdict, comparison.is_complete) == (verdict, complete)


def test_without_the_server_the_verdict_is_on_what_is_here() -> None:
    comparison = compare(here(20, 8), None, "it cannot be reached")

    assert (comparison.verdict, comparison.is_complete) == ("12 waiting; not compared with the server", False)
    assert compare(here(20, 20), None, "it cannot be reached").is_complete


def test_ranges() -> None:
    assert united([(5, 6), (1, 2), (3, 3), (6, 9)]) == [(1, 3), (5, 9)]
    assert without([(1, 10)], [(3, 4), (10, 12)]) == [(1, 2), (5, 9)]
    assert within([(1, 5), (8, 12)], 10, above=3) == [(4, 5), (8, 10)]
    assert how_many([(1, 3), (2, 5)]) == 5
