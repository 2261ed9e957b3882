"""Asking the server what worked before."""

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from actionlog_client import ActionLogger
from actionlog_client.advice import MOST_QUESTIONS
from actionlog_client.decision import DecisionEngine, Policy
from actionlog_client.service import ActionService
from actionlog_client.testing import InMemoryActionLogger
from actionlog_client.tests.unreliable import UnreliableWay
from benchmarks.server import Server

# What a caller may wait beyond its timeout on a machine that is busy.
SLACK_SECONDS = 2.0


@pytest.fixture(scope="module")
def experienced(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Server:
    """A server that knows: on latency, draining works for pool a and not for pool b, with the same password."""
    with ActionLogger(
        server.url, server.api_key, tmp_path_factory.mktemp("journal"), "production", json_store="", redaction_key="k"
    ) as told:
        for number in range(12):
            with told.resolution(f"inc_{number}", incident_type="latency"):
                for pool in "ab":
                    attempt = told.start_action_attempt("drain", "drain", {"pool": pool, "password": "hunter22"})
                    if pool == "a":
                        attempt.mark_success()
                    else:
                        attempt.mark_failure("connection refused")
        assert told.flush(30)
    return server


@pytest.fixture
def action_logger(experienced: Server, tmp_path: Path) -> Iterator[ActionLogger]:
    with ActionLogger(
        experienced.url, experienced.api_key, tmp_path, "production", json_store="", redaction_key="k"
    ) as action_logger:
        yield action_logger


def patient(action_logger: ActionLogger, *asked: Any, **named: Any) -> dict[str, Any]:
    answer = action_logger.advice(*asked, **named, timeout=30)
    assert answer is not None
    return answer


def chance(answer: dict[str, Any]) -> float:
    told: float = answer["chance"]["claimed"]["chance"]
    return told


def test_an_engine_learns_what_worked_before_it_acts(action_logger: ActionLogger) -> None:
    answer = patient(action_logger, "drain", {"pool": "a"}, incident_type="latency")
    assert (answer["has_evidence"], answer["environment"]) == (True, "production")
    assert chance(answer) > 0.8
    assert chance(patient(action_logger, "drain", {"pool": "b"}, incident_type="latency")) < 0.2
    (drain,) = patient(action_logger, incident_type="latency")["actions"]
    # Another test's engine may have drained pool a once more.
    assert drain["claimed"]["n"] - drain["claimed"]["successes"] == 12
    assert patient(action_logger, "unheard of")["message"].startswith("No evidence")


def test_inside_a_resolution_block_its_incident_is_asked_for(action_logger: ActionLogger) -> None:
    with action_logger.resolution("inc_1", incident_type="latency", environment="staging"):
        answer = patient(action_logger, "drain", {"pool": "a", "password": "hunter22"})
    assert (answer["incident_type"], answer["environment"]) == ("latency", "staging")
    assert answer["chance"]["claimed"]["basis"] == "same_incident"


def test_secrets_are_not_asked_about() -> None:
    log = InMemoryActionLogger()
    log.advice("drain", {"password": "hunter22", "note": "pin 4711-0815"}, secrets="4711-0815")
    (question,) = log.questions
    assert question["action_type"] == "drain"
    assert "hunter22" not in str(question)
    assert "4711-0815" not in str(question)


def test_parameters_that_no_address_can_hold_are_left_out() -> None:
    log = InMemoryActionLogger()
    log.advice("drain", {"script": "x" * 20_000})
    assert log.questions[0]["parameters"] is None


def test_without_a_server_there_is_no_advice(tmp_path: Path) -> None:
    assert ActionLogger(journal_dir=tmp_path, url="").advice("drain") is None
    # Nothing listens on port 9: refused at once.
    assert ActionLogger("http://127.0.0.1:9", "key", tmp_path, json_store="").advice("drain", timeout=5) is None


def test_a_server_that_refuses_gives_no_advice(experienced: Server, tmp_path: Path) -> None:
    assert ActionLogger(experienced.url, "alk_wrong", tmp_path, json_store="").advice("drain", timeout=30) is None
    nothing_told = ActionLogger(experienced.url, experienced.api_key, tmp_path, json_store="")
    assert nothing_told.advice(timeout=30) is None


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull", b"HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n", b"no HTTP"],
)
def test_an_answer_of_something_else_is_no_advice(experienced: Server, tmp_path: Path, answer: bytes) -> None:
    with UnreliableWay(experienced.url) as way:
        way.answering = answer
        assert ActionLogger(way.url, experienced.api_key, tmp_path, json_store="").advice("drain", timeout=0.5) is None


@pytest.mark.parametrize("how", ["silent", "dripping"])
def test_a_server_that_does_not_answer_is_not_waited_for(experienced: Server, tmp_path: Path, how: str) -> None:
    with UnreliableWay(experienced.url) as way:
        setattr(way, how, True)
        action_logger = ActionLogger(way.url, experienced.api_key, tmp_path, json_store="")
        began = time.monotonic()
        for _ in range(MOST_QUESTIONS):
            assert action_logger.advice("drain", timeout=0.1) is None
        # All connections are waiting now: nobody waits for another.
        for _ in range(20):
            assert action_logger.advice("drain", timeout=60) is None
        assert time.monotonic() - began < MOST_QUESTIONS * 0.1 + SLACK_SECONDS


class Nasty:
    def __str__(self) -> str:
        raise RuntimeError("no text of mine")

    __repr__ = __str__


@pytest.mark.parametrize(
    "value", [Nasty(), "nul\0", "half \ud800", b"bytes", 10**400, float("nan"), {"a": Nasty()}, "x" * 100_000]
)
def test_whatever_is_asked_nothing_is_raised(action_logger: ActionLogger, value: Any) -> None:
    for named in ({"parameters": value}, {"incident_type": value}, {"environment": value}, {"incident_id": value}):
        answer = action_logger.advice("drain", timeout=30, **named)
        assert answer is not None
    assert action_logger.advice(value, timeout=30) is not None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_engine_asks_by_itself(action_logger: ActionLogger) -> None:
    patient(action_logger, "drain")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        told = action_logger.advice("drain", timeout=30)
        os.write(writing, b"advice" if told and told["has_evidence"] else b"none")
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        assert pipe.read() == b"advice"
    os.waitpid(child, 0)
    patient(action_logger, "drain")


def decide(action_logger: ActionLogger, least_chance: float | None) -> dict[str, Any]:
    """What an engine does that would try pool b, then pool a."""
    service = ActionService(action_logger)
    service.register("drain")(lambda pool: pool)
    engine = DecisionEngine(service, Policy(least_chance=least_chance, stop_on_failure=False))
    incident = {"incident_id": "inc_new", "incident_type": "latency"}
    return engine.execute_automated_actions(
        incident, [{"action_type": "drain", "parameters": {"pool": pool}} for pool in "ba"]
    )


def test_a_policy_leaves_out_what_hardly_ever_worked(action_logger: ActionLogger) -> None:
    patient(action_logger, "drain")  # the server is warm: a second is enough for its answer
    summary = decide(action_logger, 0.4)
    assert (summary["actions_skipped"], summary["actions_successful"], summary["status"]) == (1, 1, "escalated")
    assert summary["escalation_reason"].startswith("drain_1: The chance of success, 0.")
    assert summary["policy"]["least_chance"] == 0.4
    assert decide(InMemoryActionLogger(), None)["actions_successful"] == 2


@pytest.mark.parametrize("in_a_loop", [False, True])
def test_of_what_the_server_knows_nothing_all_is_run(in_a_loop: bool) -> None:
    log = InMemoryActionLogger()
    for advised in (
        None,
        {},
        {"chance": None},
        {"chance": {"claimed": {"has_evidence": False, "chance": 0.1}}},
        {"chance": 5},
    ):
        log.advised = advised
        summary = asyncio.run(_in_a_loop(log)) if in_a_loop else decide(log, 0.9)
        assert summary["actions_successful"] == 2


async def _in_a_loop(log: InMemoryActionLogger) -> dict[str, Any]:
    return decide(log, 0.9)


@pytest.mark.parametrize(
    ("claimed", "verified", "runs"), [(0.9, 0.1, False), (0.1, 0.9, True), (0.1, None, False), (0.9, None, True)]
)
def test_verdicts_count_before_what_engines_claimed(claimed: float, verified: float | None, runs: bool) -> None:
    log = InMemoryActionLogger()
    log.advised = {
        "chance": {
            "claimed": {"has_evidence": True, "chance": claimed},
            "verified": {"has_evidence": verified is not None, "chance": 0.5 if verified is None else verified},
        }
    }
    summary = decide(log, 0.5)
    assert summary["actions_successful"] == (2 if runs else 0)
    if not runs:
        assert {attempt["error_type"] for attempt in log.attempts} == {"low_chance"}


@pytest.mark.parametrize("least", [-0.1, 1.1])
def test_a_chance_that_cannot_be_meant_is_refused(least: float) -> None:
    with pytest.raises(ValueError, match="least_chance"):
        Policy(least_chance=least)
