"""GET /api/resolution-monitor/live-feed: following by polling."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from resolutions.feed.tests.recording import attempt, record, resolution

ADDRESS = "/api/resolution-monitor/live-feed"


@pytest.fixture
def ask(key: str, client: Client) -> Callable[..., dict[str, Any]]:
    def ask(**parameters: Any) -> dict[str, Any]:
        response = client.get(ADDRESS, parameters, headers={"Authorization": f"Bearer {key}"})
        assert response.status_code == 200, response.content
        answer: dict[str, Any] = response.json()
        return answer

    return ask


Ask = Callable[..., dict[str, Any]]


def test_without_a_cursor_the_head_is_told(ask: Ask) -> None:
    cursor = record([attempt()])
    assert ask() == {"cursor": cursor, "attempts": [], "resolutions": [], "reset": False, "more": False}


def test_polling_follows_all_changes(ask: Ask) -> None:
    told, cursor = [], ask()["cursor"]
    rows, session = [attempt() for _ in range(25)], resolution()
    for row in rows:
        last = record([row])
    more = True
    while more:
        answer = ask(after=cursor, limit=10)
        told += [row["attempt_id"] for row in answer["attempts"]]
        cursor, more = answer["cursor"], answer["more"]
    assert (told, cursor) == ([str(row.attempt_id) for row in rows], last)
    last = record((), [session])
    answer = ask(after=cursor)
    assert [row["resolution_id"] for row in answer["resolutions"]] == [str(session.resolution_id)]
    assert (answer["cursor"], answer["more"], answer["reset"]) == (last, False, False)


@pytest.mark.parametrize("after", ["", "x", "-1", str(2**40), str(2**70)])
def test_a_cursor_that_cannot_be_is_reset_to_the_head(ask: Ask, after: str) -> None:
    cursor = record([attempt()])
    assert ask(after=after) == {"cursor": cursor, "attempts": [], "resolutions": [], "reset": True, "more": False}


@pytest.mark.parametrize("limit", ["0", "501", "x", "", "-5"])
def test_a_limit_that_cannot_be_is_refused(key: str, client: Client, limit: str) -> None:
    response = client.get(ADDRESS, {"limit": limit}, headers={"Authorization": f"Bearer {key}"})
    assert response.status_code == 400
    assert response.json()["error"]["field"] == "limit"


def test_the_address_of_what_was_left_out_answers_with_all_of_it(ask: Ask, key: str, client: Client) -> None:
    cursor = ask()["cursor"]
    record([attempt(result="x" * 10_000)], [resolution(title="y" * 10_000)])
    answer = ask(after=cursor)
    for row, name, length in ((answer["attempts"][0], "result", 10_000), (answer["resolutions"][0], "title", 10_000)):
        assert (row["omitted"], row[name]) == ([name], None)
        whole = client.get(row["whole_at"], headers={"Authorization": f"Bearer {key}"}).json()
        assert len(whole[name]) == length


def test_only_who_may_read_may_poll(make_key: Callable[..., str], client: Client) -> None:
    assert client.get(ADDRESS).status_code == 401
    assert client.get(ADDRESS, headers={"Authorization": f"Bearer {make_key('ingest')}"}).status_code == 403
    assert client.get(ADDRESS, {"key": make_key("read")}).status_code == 401
