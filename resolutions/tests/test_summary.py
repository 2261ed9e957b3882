"""What a session's attempts add up to, and where the engine's own summary differs."""

import uuid
from typing import Any

import msgspec
import pytest
from django.test import Client

from access.keys import create_key
from resolutions.queries import resolution_detail
from resolutions.summary import told_figures
from resolutions.tests.recorded import Json, attempt, record, resolution

pytestmark = pytest.mark.django_db


def at(second: int) -> str:
    return f"2026-03-01T12:00:{second:02}Z"


def recorded(*attempts: Json, summary: Json | None = None) -> Any:
    """The answer of one resolution attempt with these attempts."""
    told = resolution(status="resolved", summary=summary)
    record([{**facts, "resolution_id": told["resolution_id"]} for facts in attempts], [told])
    return msgspec.json.decode(msgspec.json.encode(resolution_detail(uuid.UUID(told["resolution_id"]))))


def differences(answer: Any) -> dict[str, tuple[Any, Any]]:
    return {found["field"]: (found["told"], found["computed"]) for found in answer["summary_differences"]}


def test_what_ran_is_counted_by_how_it_ended_and_the_rest_is_not_attempted() -> None:
    ends = ["success", "success", "failed", "cancelled", "skipped", "skipped", "skipped", "pending", "in_progress"]
    answer = recorded(*(attempt(action_id=f"a{number}", status=end) for number, end in enumerate(ends)))
    assert answer["computed_summary"] == {
        "actions_attempted": 4,
        "actions_successful": 2,
        "actions_failed": 1,
        "actions_skipped": 3,
        "actions_cancelled": 1,
        "overall_success": False,
    }


def test_an_action_that_failed_and_then_succeeded_is_a_success() -> None:
    first = attempt(status="failed", completed_at=at(1))
    answer = recorded(attempt(status="success", completed_at=at(2)), first, attempt(action_id="b", status="success"))
    assert answer["computed_summary"]["overall_success"] is True
    assert answer["computed_summary"]["actions_failed"] == 1


def test_a_retry_comes_last_also_when_the_clock_was_set_back() -> None:
    first = attempt(status="failed", completed_at=at(30))
    answer = recorded(first, attempt(status="success", retry_of=first["attempt_id"], completed_at=at(5)))
    assert answer["computed_summary"]["overall_success"] is True


@pytest.mark.parametrize("end", ["failed", "cancelled"])
def test_an_action_that_succeeded_once_and_then_not_is_no_success(end: str) -> None:
    answer = recorded(attempt(status="success", completed_at=at(1)), attempt(status=end, completed_at=at(2)))
    assert answer["computed_summary"]["overall_success"] is False


@pytest.mark.parametrize("ends", [[], ["skipped"], ["in_progress"]])
def test_where_nothing_ran_to_its_end_there_is_no_success(ends: list[str]) -> None:
    assert recorded(*(attempt(status=end) for end in ends))["computed_summary"]["overall_success"] is False


def test_every_figure_that_differs_is_told_with_both_values() -> None:
    summary = {"actions_attempted": 3, "actions_successful": 1, "overall_success": True, "timeline": [1, 2, 3]}
    answer = recorded(attempt(status="success"), attempt(action_id="b", status="failed"), summary=summary)
    assert differences(answer) == {"actions_attempted": (3, 2), "overall_success": (True, False)}


def test_figures_that_agree_or_were_not_told_are_no_difference() -> None:
    summary = {"actions_attempted": 1.0, "actions_failed": None, "overall_success": True}
    assert differences(recorded(attempt(status="success"), summary=summary)) == {}
    assert differences(recorded(attempt(status="failed"), summary=None)) == {}


def test_members_of_these_names_that_are_no_figures_are_not_compared() -> None:
    summary = {"actions_attempted": ["a", "b"], "actions_failed": "three", "overall_success": 1, "actions_skipped": {}}
    assert differences(recorded(attempt(status="success"), summary=summary)) == {}


@pytest.mark.parametrize(
    ("means", "compared"), [("incident_over", False), ("attempts", True), (None, True), (["x"], False)]
)
@pytest.mark.parametrize("over", [True, False])
def test_success_that_is_told_by_another_rule_is_not_compared_and_the_counts_are(
    means: Any, compared: bool, over: bool
) -> None:
    summary = {"actions_failed": 3, "overall_success": over, "overall_success_means": means}
    answer = recorded(attempt(status="failed"), summary=summary)
    expected = {"actions_failed": (3, 1)} | ({"overall_success": (True, False)} if compared and over else {})
    assert differences(answer) == expected


@pytest.mark.parametrize("told", ["1e400", "-1", "1.5", "123456789012345678901234567890"])
def test_any_number_can_be_compared(told: str) -> None:
    figures = told_figures(msgspec.Raw(f'{{"actions_failed": {told}}}'.encode()))
    assert {name: bytes(figure) for name, figure in figures.items()} == {"actions_failed": told.encode()}


def test_every_answer_with_action_attempts_has_both_and_no_other(client: Client) -> None:
    told = resolution(status="resolved", summary={"actions_successful": 5}, started_at=at(0))
    record([attempt(status="success", resolution_id=told["resolution_id"]), attempt(incident_id="loose")], [told])
    _, token = create_key(name="reader", scopes=["read"])

    def read(address: str) -> Any:
        return client.get(f"/api/{address}", headers={"Authorization": f"Bearer {token}"}).json()

    (incident,) = read("resolution-monitor/INC-1")["resolution_attempts"]
    recent = read("resolution-monitor/recent?include_action_details=true")["results"]
    for answer in (read(f"resolution-attempts/{told['resolution_id']}/"), incident, recent[1]):
        assert answer["computed_summary"]["actions_successful"] == 1
        assert differences(answer) == {"actions_successful": (5, 1)}
    assert recent[0]["implicit"]
    assert recent[0]["computed_summary"]["actions_attempted"] == 0
    for answer in [*read("resolution-monitor/recent")["results"], *read("resolution-attempts/")["results"]]:
        assert "computed_summary" not in answer
        assert "summary_differences" not in answer


def test_the_page_names_both_figures_where_they_differ(admin_client: Client) -> None:
    told = resolution(status="resolved", summary={"actions_successful": 5, "actions_failed": 0})
    record([attempt(status="success", resolution_id=told["resolution_id"])], [told])
    page = admin_client.get("/incidents/INC-1/").content.decode()
    assert '<span class="muted">actions successful</span> told <b>5</b>, on record <b>1</b>' in page
    assert "actions failed</span>" not in page
    assert "agree with" not in page


def test_the_page_says_quietly_that_they_agree_and_nothing_where_there_is_nothing_to_compare(
    admin_client: Client,
) -> None:
    agreeing = resolution(status="resolved", summary={"actions_successful": 0})
    silent = resolution(incident_id="INC-2", status="resolved", summary={"note": "done"})
    record([], [agreeing, silent])
    pages = [admin_client.get(f"/incidents/INC-{number}/").content.decode() for number in (1, 2)]
    assert ["agree with the attempts on record" in page for page in pages] == [True, False]
    assert not any("bear these figures out" in page for page in pages)
