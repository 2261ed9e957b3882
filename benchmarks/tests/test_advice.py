import gzip
import itertools
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from analytics.advice.estimate import Proposal
from analytics.advice.shrinkage import Counts, first_belief
from analytics.advice.traits import describe
from benchmarks import advice
from benchmarks.advice import Scores, scores_of
from benchmarks.advice_replay import Action, Prediction, actions_of, predictions
from benchmarks.recordings import read_lines
from benchmarks.tests.recorded import ODD_ACTIONS, ORDINARY

START = datetime(2026, 3, 1, tzinfo=UTC)
# Gives the true chance of an action, from what it is and how far the record has come (0 to 1).
Truth = Callable[[dict[str, Any], float], float]


def record(truth: Truth, *, seed: int, n: int = 250) -> list[Action]:
    """n actions in incidents of one to nine, each over when the next starts."""
    chance = random.Random(seed)
    actions: list[Action] = []
    while len(actions) < n:
        incident = {
            "incident_id": f"incident-{len(actions)}",
            "incident_type": f"incident type {chance.randrange(5)}",
            "environment": chance.choice(["production", "staging"]),
            "hopeless": chance.random() < 0.4,
        }
        for _ in range(min(chance.randint(1, 9), n - len(actions))):
            told = {
                **incident,
                "action_type": chance.choice(["restart", "drain", "scale", "query"]),
                "verb": chance.choice(["get", "apply", "delete", "exec"]),
                "timeout": chance.randint(1, 99),
            }
            parameters = {
                "command": f"{told['verb']} pod-{chance.randrange(10**6)}",
                "timeout": told["timeout"],
                "zone": chance.choice("abc"),
            }
            success = chance.random() < truth(told, len(actions) / n)
            actions.append(action(len(actions), success, told, parameters))
    return actions


def action(second: float, success: bool, told: dict[str, Any], parameters: dict[str, Any], lasts: float = 1) -> Action:
    started = START + timedelta(seconds=second)
    return Action(
        started_at=started,
        ended_at=started + timedelta(seconds=lasts),
        proposal=Proposal(
            told["action_type"],
            describe(parameters),
            told.get("incident_type"),
            told.get("environment"),
            told["incident_id"],
        ),
        incident_id=told["incident_id"],
        success=success,
    )


def scored(truth: Truth, *, n: int = 250, seeds: int = 3) -> Scores:
    """Of several records, each replayed from nothing."""
    made = [list(predictions(record(truth, seed=seed, n=n))) for seed in range(seeds)]
    return scores_of(list(itertools.chain.from_iterable(made)))


def brier(scores: Scores) -> tuple[float, float, float]:
    assert scores.brier is not None
    assert scores.brier_overall is not None
    assert scores.brier_action_type is not None
    return scores.brier, scores.brier_overall, scores.brier_action_type


WITHOUT_STRUCTURE: dict[str, tuple[Truth, int]] = {
    "as often as not": (lambda told, progress: 0.5, 250),
    "mostly": (lambda told, progress: 0.8, 250),
    "nearly always": (lambda told, progress: 0.97, 250),
    "seldom": (lambda told, progress: 0.1, 250),
    "always": (lambda told, progress: 1.0, 250),
    "never": (lambda told, progress: 0.0, 250),
    "falling": (lambda told, progress: 0.9 - 0.7 * progress, 250),
    "broken halfway": (lambda told, progress: 0.9 if progress < 0.5 else 0.2, 250),
    "few": (lambda told, progress: 0.7, 12),
}


@pytest.mark.parametrize("name", WITHOUT_STRUCTURE)
def test_where_there_is_nothing_to_learn_the_advice_is_hardly_worse_than_the_base_rates(name: str) -> None:
    truth, n = WITHOUT_STRUCTURE[name]
    told, overall, action_type = brier(scored(truth, n=n))
    assert told <= min(overall, action_type) + 0.003


def by_action_type(told: dict[str, Any], progress: float) -> float:
    return {"restart": 0.95, "drain": 0.5, "scale": 0.1, "query": 0.9}[told["action_type"]]


def by_incident_type(told: dict[str, Any], progress: float) -> float:
    return 0.95 if told["incident_type"][-1] in "023" else 0.15


def by_environment(told: dict[str, Any], progress: float) -> float:
    return 0.9 if told["environment"] == "production" else 0.2


def by_first_word(told: dict[str, Any], progress: float) -> float:
    return 0.95 if told["verb"] in ("get", "apply") else 0.2


def by_magnitude(told: dict[str, Any], progress: float) -> float:
    return 0.95 if told["timeout"] >= 32 else 0.1


def by_pair(told: dict[str, Any], progress: float) -> float:
    return 0.95 if (told["verb"] == "get") == (told["incident_type"][-1] in "02") else 0.3


def type_that_turns(told: dict[str, Any], progress: float) -> float:
    return 0.9 if (told["action_type"] in ("restart", "query")) == (progress < 0.5) else 0.3


@pytest.mark.parametrize(
    ("truth", "gain"),
    [
        (by_incident_type, 0.3),
        (by_environment, 0.3),
        (by_first_word, 0.3),
        (by_magnitude, 0.3),
        (by_pair, 0.0),
        (type_that_turns, -0.02),
        (by_action_type, -0.01),
    ],
)
def test_where_there_is_structure_the_advice_gains_on_both_base_rates(truth: Truth, gain: float) -> None:
    told, overall, action_type = brier(scored(truth))
    assert told <= (1 - gain) * min(overall, action_type)


def test_few_actions_with_structure_are_no_worse_than_the_base_rates() -> None:
    told, overall, action_type = brier(scored(by_first_word, n=30))
    assert told <= min(overall, action_type)


def test_an_action_tried_again_in_its_incident_is_foreseen() -> None:
    chance = random.Random(7)
    actions: list[Action] = []
    for incident in range(60):
        hopeless = chance.random() < 0.4
        for _ in range(5):
            told = {"action_type": "restart", "incident_id": f"incident-{incident}", "incident_type": "latency"}
            actions.append(action(len(actions), chance.random() < (0.05 if hopeless else 0.95), told, {"pool": "main"}))
    advised, overall, action_type = brier(scores_of(list(predictions(actions))))
    assert advised < 0.7 * min(overall, action_type)


def test_the_advice_is_calibrated_where_it_can_learn() -> None:
    ece = scored(by_first_word).ece
    assert ece is not None
    assert ece < 0.1  # from nothing on, and with few in each bin: chance alone makes 0.03


def test_only_what_ended_before_an_action_is_known_to_its_advice() -> None:
    told = {"action_type": "restart", "incident_id": "incident", "incident_type": "latency"}
    slow, during, after, at_once = (
        action(0, True, told, {}, lasts=10),
        action(5, True, told, {}, lasts=100),
        action(10, True, told, {}, lasts=0),
        action(10, True, told, {}, lasts=0),
    )
    first, second, third, fourth = predictions([after, slow, during, at_once])
    assert (first.advice, second.advice) == (0.5, 0.5)
    assert (first.overall, second.overall, second.action_type) == (0.5, 0.5, 0.5)
    assert third.overall == fourth.overall == 1.0  # the slow one ended when these started
    assert third.advice == first_belief(Counts(1, 0)).mean


def test_an_action_type_that_never_ended_has_the_base_rate_of_all() -> None:
    told = {"incident_id": "incident"}
    actions = [action(i, i != 0, {**told, "action_type": "restart"}, {}) for i in range(4)]
    *_, last = predictions([*actions, action(9, True, {**told, "action_type": "drain"}, {})])
    assert last.overall == last.action_type == 0.75


def test_scores_by_hand() -> None:
    made = [Prediction(0.95, 0.5, 1.0, True), Prediction(0.91, 0.5, 0.5, False), Prediction(0.2, 0.5, 0.0, False)]
    assert scores_of(made) == Scores(
        brier=pytest.approx((0.05**2 + 0.91**2 + 0.2**2) / 3),  # type: ignore[arg-type]
        brier_overall=pytest.approx(0.25),  # type: ignore[arg-type]
        brier_action_type=pytest.approx(0.25 / 3),  # type: ignore[arg-type]
        # One bin holds 0.95 and 0.91, of which one succeeded; the other 0.2, which did not.
        ece=pytest.approx((abs(0.95 + 0.91 - 1) + 0.2) / 3),  # type: ignore[arg-type]
        n=3,
    )


def test_files_are_scored_alone_and_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps(ORDINARY) + "\n")
    with gzip.open(tmp_path / "b.jsonl.gz", "wt") as file:
        file.write(json.dumps({**ORDINARY, "actions": ODD_ACTIONS}) + "\n")
    code = advice.main([str(tmp_path / "a.jsonl"), str(tmp_path / "b.jsonl.gz"), "--json"])
    *_, last = capsys.readouterr().out.splitlines()
    found = json.loads(last)
    assert list(found) == ["a.jsonl", "b.jsonl.gz", "all"]
    assert set(found["all"]) == {"brier", "brier_overall", "brier_action_type", "ece", "n"}
    assert found["a.jsonl"]["n"] == 2
    assert found["all"]["n"] == 2 + found["b.jsonl.gz"]["n"]
    assert code == 0


def test_nothing_to_predict_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty.jsonl").write_text("\n")
    assert advice.main([str(tmp_path / "empty.jsonl"), "--json"]) == 0
    *table, last = capsys.readouterr().out.splitlines()
    assert "nothing to predict" in table[1]
    assert json.loads(last)["all"] == {
        "brier": None, "brier_overall": None, "brier_action_type": None, "ece": None, "n": 0,
    }  # fmt: skip


def test_logs_of_single_attempts_are_sessions_of_one_action(tmp_path: Path) -> None:
    logs = [
        {"attempt_id": f"a-{second}", "action_id": "r", "action_type": "restart", "incident_id": "i",
         "started_at": f"2026-01-15T10:30:0{second}", "completed_at": f"2026-01-15T10:30:0{second}.5",
         "status": "failed", "logs": []}
        for second in (3, 1, 2)
    ]  # fmt: skip
    path = tmp_path / "old.jsonl"
    path.write_text("".join(json.dumps(log) + "\n" for log in logs))
    actions = [one for line in read_lines(path) for one in actions_of(line.session())]
    assert [(one.proposal.action_type, one.incident_id, one.success) for one in actions] == [
        ("restart", "i", False)
    ] * 3
    assert [one.overall for one in predictions(actions)] == [0.5, 0.0, 0.0]


@pytest.mark.parametrize("deep", [200, 900])
def test_parameters_beyond_all_bounds_cost_nothing(tmp_path: Path, deep: int) -> None:
    odd = [
        '{"a":' * deep + "1" + "}" * deep,
        '{"n": 1e999, "m": ' + "9" * 4000 + "}",
        '{"n": NaN, "\\u0000": "\\ud800"}',
    ]
    path = tmp_path / "odd.jsonl"
    path.write_text(
        "".join(f'{{"actions": [{{"action_type": "x", "status": "failed", "parameters": {one}}}]}}\n' for one in odd)
    )
    assert advice.main([str(path)]) == 0


def test_thousands_of_action_types_are_foreseen_by_the_larger_ones() -> None:
    chance = random.Random(3)
    actions = [
        action(number, chance.random() < 0.9, {"action_type": f"t{number % 2500}", "incident_id": "i"}, {})
        for number in range(3000)
    ]
    advised, overall, action_type = brier(scores_of(list(predictions(actions))))
    assert advised <= min(overall, action_type) + 0.003


def test_what_cannot_be_read_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "broken.jsonl").write_text("{\n")
    assert advice.main([str(tmp_path / "broken.jsonl"), str(tmp_path / "missing.jsonl")]) == 1
    errors = capsys.readouterr().err
    assert "broken.jsonl, line 1" in errors
    assert "missing.jsonl" in errors
