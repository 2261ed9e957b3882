"""GET /api/action-attempts/{id}/comparison/, and its part on the attempt's page."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from access.keys import create_key
from analytics.from_record import comparison
from attempts.tests.stored import NOON, set_json, store_attempt, store_attempts
from resolutions.tests.recorded import attempt, record

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(User.objects.create_user("operator"))
    return client


def compared(client: Client, attempt_id: Any) -> Any:
    answer = client.get(f"/api/action-attempts/{attempt_id}/comparison/")
    assert answer.status_code == 200, answer.content
    return answer.json()


def at(seconds: float) -> str:
    return (NOON + timedelta(seconds=seconds)).isoformat()


def resize(status: str, start: float, size: Any, **facts: Any) -> dict[str, Any]:
    return attempt(
        **{
            "action_type": "resize",
            "environment": "production",
            "parameters": {"size": size, "mode": "hard"},
            "started_at": at(start),
            "completed_at": at(start + 20),
            "status": status,
            **facts,
        }
    )


def test_what_differs_from_the_nearest_success(client: Client) -> None:
    failed = resize(
        "failed",
        100,
        5,
        logs=[
            {"sequence": 0, "step": "check", "status": "done", "timestamp": at(100)},
            {"sequence": 1, "step": "drain", "status": "failed", "timestamp": at(105)},
        ],
    )
    nearest = resize(
        "success",
        40,
        9,
        logs=[
            {"sequence": 0, "step": "check", "status": "done", "timestamp": at(40)},
            {"sequence": 1, "step": "drain", "status": "done", "timestamp": at(42)},
        ],
    )
    record(
        [
            failed,
            nearest,
            resize("success", 0, 9),
            resize("success", 200, 9, parameters={"size": 9, "mode": "soft"}),
            resize("success", 300, 5, environment="test"),
            resize("success", 300, 5, action_type="other"),
            resize("cancelled", 300, 5),
        ]
    )
    answer = compared(client, failed["attempt_id"])
    assert (answer["action_type"], answer["environment"]) == ("resize", "production")
    assert (answer["candidates"], answer["complete"]) == (3, True)
    found = answer["comparison"]
    assert found["successful"] == nearest["attempt_id"]
    assert found["parameters"] == [{"path": "size", "failed": "5", "successful": "9"}]
    assert found["seconds_apart"] == -60
    told = ("step", "change", "failed_seconds", "successful_seconds")
    assert [tuple(step[name] for name in told) for step in found["steps"]] == [
        ("check", "same", 5, 2),
        ("drain", "status", 15, 18),
    ]
    assert (found["failed_seconds"], found["successful_seconds"]) == (20, 20)


def test_of_equally_different_ones_the_most_recent_is_taken_and_no_environment_is_one_too(client: Client) -> None:
    failed = resize("failed", 100, 5, environment=None)
    last = resize("success", 900, 6, environment=None)
    record([failed, resize("success", 99, 7, environment=None), last, resize("success", 950, 5)])
    assert compared(client, failed["attempt_id"])["comparison"]["successful"] == last["attempt_id"]


def test_one_that_did_not_fail_is_a_conflict_and_never_worked_is_not_found(client: Client) -> None:
    worked, failed, alone = resize("success", 0, 5), resize("failed", 1, 5, environment="test"), resize("failed", 2, 5)
    record([worked, failed, alone | {"action_type": ""}])
    answer = client.get(f"/api/action-attempts/{worked['attempt_id']}/comparison")
    assert (answer.status_code, answer.json()["error"]["field"]) == (409, "attempt_id")
    answer = client.get(f"/api/action-attempts/{failed['attempt_id']}/comparison")
    assert (answer.status_code, answer.json()["error"]["message"]) == (
        404,
        "No successful attempt of resize in test is known.",
    )
    assert client.get(f"/api/action-attempts/{alone['attempt_id']}/comparison").status_code == 404
    assert client.get(f"/api/action-attempts/{uuid.uuid4()}/comparison").status_code == 404
    assert client.get("/api/action-attempts/no-uuid/comparison").status_code == 404
    answer = client.get(f"/api/action-attempts/{failed['attempt_id']}/comparison", {"x": "1"})
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "x")


def test_strangers_and_keys_that_may_not_read_are_refused() -> None:
    record([failed := resize("failed", 1, 5)])
    address = f"/api/action-attempts/{failed['attempt_id']}/comparison/"
    assert Client().get(address).status_code == 401
    _, token = create_key(name="engine", scopes=["ingest"])
    assert Client().get(address, headers={"Authorization": f"Bearer {token}"}).status_code == 403


def test_bounds_are_told(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "MOST_LOOKED_THROUGH", 3)
    record([failed := resize("failed", 0, 5), resize("success", -5, 5)])
    assert compared(client, failed["attempt_id"])["complete"] is True
    record([resize("failed", second, 5) for second in range(1, 4)])
    answer = client.get(f"/api/action-attempts/{failed['attempt_id']}/comparison/")
    assert answer.status_code == 404
    assert "among the latest 3 attempts" in answer.json()["error"]["message"]
    monkeypatch.setattr(comparison, "MOST_LOOKED_THROUGH", 100)
    monkeypatch.setattr(comparison, "MOST_CANDIDATES", 1)
    answer = compared(client, failed["attempt_id"])
    assert (answer["candidates"], answer["complete"]) == (1, False)


def test_large_parameters_of_candidates_are_left_out_and_told(client: Client) -> None:
    large = {"blob": [uuid.uuid4().hex for _ in range(4000)]}
    record(
        [
            failed := resize("failed", 0, 5, parameters=large),
            resize("success", 1, 5, parameters=large),
            resize("success", 2, 5),
        ]
    )
    answer = compared(client, failed["attempt_id"])
    assert (answer["candidates"], answer["complete"]) == (1, False)
    assert len(answer["comparison"]["parameters"][0]["failed"]) == 1003


def test_parameters_that_are_large_and_stored_small_are_left_out_too(client: Client) -> None:
    repeated = {"blob": "x" * 100_000}
    record([failed := resize("failed", 0, 5), resize("success", 1, 5, parameters=repeated), resize("success", 2, 5)])
    answer = compared(client, failed["attempt_id"])
    assert (answer["candidates"], answer["complete"]) == (1, False)


@pytest.mark.parametrize("number", ["1e-30", "123456789012345678901234567890", "1" * 300, "0." + "1" * 300])
def test_numbers_of_any_length_are_compared_by_every_digit(client: Client, number: str) -> None:
    failed, worked = store_attempts(
        {"status": "failed", "parameters": {}}, {"status": "success", "started_at": NOON - timedelta(hours=1)}
    )
    set_json(failed.pk, "parameters", f'{{"n": {number}}}')
    set_json(worked.pk, "parameters", f'{{"n": {number}, "m": null}}')
    found = compared(client, failed.pk)["comparison"]
    assert (found["same_parameters"], [one["path"] for one in found["parameters"]]) == (1, ["m"])


def test_queries_do_not_grow_with_candidates(client: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    failed = store_attempt(status="failed")
    store_attempt(status="success")
    compared(client, failed.pk)
    with django_assert_num_queries(9):  # with the session's two, and a savepoint's two
        compared(client, failed.pk)
    store_attempts(*[{"status": "success"} for _ in range(20)])
    with django_assert_num_queries(9):
        compared(client, failed.pk)
