"""An engine's summary as the incident page shows it."""

import json
import uuid
from typing import Any

import msgspec
import pytest
from django.test import Client

from access.keys import create_key
from resolutions.shown_summary import ShownSummary, shown_summary
from resolutions.tests.recorded import record, resolution

TIMELINE = [{"attempt_id": str(uuid.uuid4()), "status": "success", "action_type": "told_in_the_timeline"}]


def shown(**members: Any) -> ShownSummary | None:
    return shown_summary(msgspec.Raw(json.dumps(members).encode()))


def test_figures_stand_in_words_and_those_of_every_engine_first() -> None:
    summary = shown(confidence=0.9, actions_failed=0, overall_success=True, duration_seconds=72.04, actions_attempted=3)
    assert summary == ShownSummary(
        [
            ("actions attempted", "3"),
            ("actions failed", "0"),
            ("overall success", "yes"),
            ("confidence", "0.9"),
            ("duration", "1 min 12 s"),
        ],
        [],
        [],
    )


def test_short_texts_and_small_objects_take_a_line_each_and_what_was_not_told_none() -> None:
    policy = {"stop_on_failure": False, "most_attempts": None, "until": "is_over"}
    summary = shown(policy=policy, stopped_because="it is over", confidence=None, nothing={}, empty=[], blank="")
    assert summary is not None
    assert [(name, value.text) for name, value in summary.texts] == [
        ("policy", "stop on failure no, until is_over"),
        ("stopped because", "it is over"),
    ]
    assert (summary.figures, summary.values) == ([], [])


def test_all_else_is_shown_as_any_value_is() -> None:
    summary = shown(note="x" * 200, symptoms=[{"kind": "disk_full"}], nested={"a": {"b": 1}}, many={"a": "x" * 200})
    assert summary is not None
    assert [name for name, _ in summary.values] == ["note", "symptoms", "nested", "many"]
    assert [value.kind for _, value in summary.values] == ["text", "json", "object", "object"]
    assert (summary.figures, summary.texts) == ([], [])


def test_names_that_are_no_identifiers_stay_as_they_are() -> None:
    summary = shown(**{"Ends_At": 1, "a b_c": 2, "_x": 3})
    assert summary is not None
    assert [name for name, _ in summary.figures] == ["Ends_At", "a b_c", "_x"]


@pytest.mark.parametrize("told", ["1e400", "-5", "9" * 400, "0.1234567890123456789"])
def test_any_number_can_be_shown(told: str) -> None:
    summary = shown_summary(msgspec.Raw(f'{{"n": {told}, "wait_seconds": {told}}}'.encode()))
    assert summary is not None
    assert summary.figures[0] == ("n", told)
    assert len(summary.figures) == 2


def test_the_timeline_is_left_out() -> None:
    assert shown(timeline=TIMELINE, timeline_left_out=0) is None


@pytest.mark.django_db
def test_the_page_leaves_the_timeline_out_and_the_api_keeps_it(admin_client: Client) -> None:
    summary = {"actions_attempted": 0, "timeline": TIMELINE, "timeline_left_out": 17}
    told, silent = resolution(summary=summary), resolution(incident_id="INC-2", summary={"timeline": TIMELINE})
    record([], [told, silent])
    page = admin_client.get("/incidents/INC-1/").content.decode()
    assert "<dt>actions attempted</dt><dd>0</dd>" in page
    assert "told_in_the_timeline" not in page
    assert "timeline" not in page
    assert "as the engine told it" not in admin_client.get("/incidents/INC-2/").content.decode()
    _, token = create_key(name="reader", scopes=["read"])
    address = f"/api/resolution-attempts/{told['resolution_id']}/"
    assert admin_client.get(address, headers={"Authorization": f"Bearer {token}"}).json()["summary"] == summary
