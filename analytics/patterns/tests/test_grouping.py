from collections import defaultdict
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from analytics.patterns.grouping import MemoryIndex, pattern_of

MESSAGES = (
    "no route to 10.0.0.1",
    "no route to db.example.org",
    "no route to db.example.org, db2.example.org",
    "no route to peer",
    "pool 7 started",
    "pool 8 stopped",
    "pool x-9 stopped",
    "",
    "连接到10.0.0.1超时",
    "连接到db2超时",
)


def grouped(index: MemoryIndex, messages: list[str]) -> list[UUID]:
    return [pattern_of(index, "restart", None, message) for message in messages]


def partition(messages: list[str], ids: list[UUID]) -> set[frozenset[str]]:
    members = defaultdict(set)
    for message, pattern_id in zip(messages, ids, strict=True):
        members[pattern_id].add(message)
    return {frozenset(group) for group in members.values()}


def test_a_failure_with_other_details_joins_and_widens_the_pattern() -> None:
    index = MemoryIndex()
    first, again, wider = grouped(index, ["no route to 10.0.0.1", "no route to 10.0.0.2", "no route to db.example.org"])
    assert first == again == wider
    assert index.templates == {first: "no route to <value>"}
    assert set(index.owners.values()) == {first}
    assert len(index.owners) == 2


def test_a_failure_with_other_words_founds_a_pattern() -> None:
    started, stopped = grouped(index := MemoryIndex(), ["pool 7 started", "pool 7 stopped"])
    assert started != stopped
    assert sorted(index.templates.values()) == ["pool <number> started", "pool <number> stopped"]


def test_patterns_of_action_types_are_apart() -> None:
    index = MemoryIndex()
    assert pattern_of(index, "restart", None, "no route") != pattern_of(index, "rollback", None, "no route")


def test_a_fingerprint_that_was_given_to_another_pattern_stays_there() -> None:
    index = MemoryIndex()
    one, other = grouped(index, ["pool 7 started", "pool 7 stopped"])
    index.owners = dict.fromkeys(index.owners, other)
    assert grouped(index, ["pool 8 started"]) == [other] != [one]


@given(st.permutations(MESSAGES), st.permutations(MESSAGES))
def test_patterns_do_not_depend_on_the_order_of_failures(one: list[str], other: list[str]) -> None:
    assert partition(one, grouped(MemoryIndex(), one)) == partition(other, grouped(MemoryIndex(), other))


@given(st.permutations(MESSAGES))
def test_an_answer_is_not_changed_by_later_failures(messages: list[str]) -> None:
    index = MemoryIndex()
    ids = grouped(index, messages)
    assert grouped(index, messages) == ids


@given(st.permutations(MESSAGES), st.integers(0, len(MESSAGES)))
def test_what_a_database_keeps_is_all_there_is_to_know(messages: list[str], kept: int) -> None:
    whole, before = MemoryIndex(), MemoryIndex()
    ids = grouped(whole, messages)
    told = grouped(before, messages[:kept])
    restarted = MemoryIndex(templates=dict(before.templates), owners=dict(before.owners))
    assert told + grouped(restarted, messages[kept:]) == ids
    assert restarted == whole


@given(st.text(), st.none() | st.text(), st.none() | st.text())
def test_any_failure_has_a_pattern(action_type: str, error_type: str | None, error_message: str | None) -> None:
    index = MemoryIndex()
    assert pattern_of(index, action_type, error_type, error_message) in index.templates
