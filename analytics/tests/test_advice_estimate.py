import random
from collections.abc import Iterable
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.advice.estimate import Advice, Evidence, Example, Proposal, advise
from analytics.advice.shrinkage import Counts, first_belief, total_of
from analytics.advice.traits import describe


class Past(NamedTuple):
    success: bool
    action_type: str = "restart"
    parameters: dict[str, Any] = {}
    incident_type: str = "latency"
    environment: str = "production"
    incident_id: str = "incident-0"


def counted(keys: Iterable[tuple[Any, bool]]) -> dict[Any, Counts]:
    found: dict[Any, Counts] = {}
    for key, success in keys:
        counts = found.get(key, Counts())
        found[key] = Counts(counts.successes + success, counts.failures + (not success))
    return found


def advice(past: Iterable[Past], like: Past | None = None, *, incident_id: str | None = None) -> Advice:
    """On doing as `like` did, given what was done."""
    like = like or Past(True)
    attempts = list(past)
    return advise(
        Proposal(like.action_type, describe(like.parameters), like.incident_type, like.environment, incident_id),
        Evidence(
            overall=total_of(counted(("", one.success) for one in attempts).values()),
            by_action_type=counted((one.action_type, one.success) for one in attempts),
            by_incident_type=counted(((one.action_type, one.incident_type), one.success) for one in attempts),
            by_environment=counted(((one.action_type, one.environment), one.success) for one in attempts),
            examples=[
                Example(describe(one.parameters), one.success, one.incident_id, one.incident_type, one.environment)
                for one in attempts
                if one.action_type == like.action_type
            ],
        ),
    )


def mixed(rate: float, n: int, **told: Any) -> list[Past]:
    """n attempts of which a share succeeded, evenly spread."""
    return [Past(int((i + 1) * rate) > int(i * rate), **told) for i in range(n)]


def test_without_any_attempt_there_is_no_evidence() -> None:
    told = advice([])
    assert (told.has_evidence, told.basis, told.chance, told.levels) == (False, None, 0.5, [])
    assert told.high - told.low > 0.8


def test_other_action_types_are_no_evidence_and_still_give_a_rate() -> None:
    told = advice(mixed(0.75, 40, action_type="drain"))
    assert (told.has_evidence, told.basis) == (False, "overall")
    assert told.chance == pytest.approx(30.5 / 41, abs=0.001)


@pytest.mark.parametrize("success", [True, False])
def test_two_attempts_do_not_read_as_certainty(success: bool) -> None:
    # With nothing else, the first belief of two. That both are alike in every respect counts once.
    told = advice([Past(success, parameters={"command": "restart web one"})] * 2)
    of_two = first_belief(Counts(2, 0)).mean
    assert told.chance == pytest.approx(of_two if success else 1 - of_two)
    assert 0.1 < told.chance < 0.9
    assert told.high - told.low > 0.5


@pytest.mark.parametrize("success", [True, False])
def test_two_attempts_do_not_read_as_certainty_beside_many_others(success: bool) -> None:
    others = mixed(0.5, 200, action_type="drain") + mixed(0.5, 30, parameters={"pool": "a"}, incident_type="errors")
    like = Past(success, parameters={"pool": "b"})
    told = advice([*others, like, like], like)
    assert 0.1 < told.chance < 0.9
    assert (told.chance > 0.5) is success
    assert told.low < 0.5 < told.high


def test_the_levels_tell_their_evidence_from_general_to_specific() -> None:
    parameters = {"command": "scale web up", "replicas": 4}
    past = [*mixed(0.5, 10, action_type="drain"), *mixed(0.75, 8, parameters=parameters)]
    past += mixed(0.25, 4, parameters={"command": "scale database"}, environment="staging", incident_type="errors")
    told = advice(past, Past(True, parameters=parameters), incident_id="incident-0")
    assert [(level.level, level.like, level.n) for level in told.levels] == [
        ("overall", {}, 22),
        ("action_type", {"action_type": "restart"}, 12),
        ("incident_type", {"incident_type": "latency"}, 8),
        ("environment", {"environment": "production"}, 8),
        ("parameter", {"parameter": "command", "words": "scale"}, 12),
        ("parameter", {"parameter": "command", "words": "scale web"}, 8),
        ("parameter", {"parameter": "command", "value": "scale web up"}, 8),
        ("parameter", {"parameter": "replicas", "magnitude": "(4 to 8)"}, 8),
        ("parameter", {"parameter": "replicas", "value": "4"}, 8),
        ("all_parameters", {}, 8),
        ("all_parameters", {"incident_type": "latency"}, 8),
        ("same_incident", {"incident_id": "incident-0"}, 8),
    ]
    assert told.basis == "same_incident"
    assert [level.rate for level in told.levels[:3]] == [pytest.approx(12 / 22), pytest.approx(7 / 12), 0.75]
    assert all(0 < level.estimate < 1 and 0 <= level.explained <= 1 for level in told.levels)


def test_what_is_not_told_is_no_level() -> None:
    told = advise(
        Proposal("restart", describe({})),
        Evidence(Counts(10, 10), {"restart": Counts(8, 2), "drain": Counts(2, 8)}, {}, {}, []),
    )
    assert [level.level for level in told.levels] == ["overall", "action_type"]
    assert 0.5 < told.chance < 0.8


def test_the_attempts_that_are_alike_in_all_parameters_count_once() -> None:
    past = mixed(0.5, 40, parameters={"to": "a"}) + mixed(0.5, 40, parameters={"to": "b"})
    like = Past(True, parameters={"to": "c"})
    told = {level.level: level for level in advice([*past, like, like, like], like).levels}
    assert told["parameter"].n == told["all_parameters"].n == 3
    assert told["parameter"].estimate == pytest.approx(told["environment"].estimate)
    assert told["all_parameters"].estimate > told["parameter"].estimate + 0.005


@pytest.mark.parametrize("told", [{"incident_type": "errors"}, {"environment": "staging"}, {"parameters": {"to": "b"}}])
def test_a_difference_in_one_respect_is_learned(told: dict[str, Any]) -> None:
    past = mixed(0.9, 60) + mixed(0.1, 60, **told)
    assert advice(past, Past(True)).chance > 0.75
    assert advice(past, Past(True, **told)).chance < 0.25


def test_a_parameter_does_not_outvote_the_incident_type() -> None:
    # On errors it hardly ever works, whatever the mode; most attempts in this mode were on latency, where it does.
    past = mixed(0.9, 100, parameters={"mode": "fast"})
    past += mixed(0.3, 50, incident_type="errors", parameters={"mode": "fast"})
    past += mixed(0.3, 50, incident_type="errors", parameters={"mode": "slow"})
    noted = [one._replace(parameters={**one.parameters, "note": f"n{i}"}) for i, one in enumerate(past)]
    for attempts, more in ((past, {}), (noted, {"note": "new"})):
        on_errors = Past(True, incident_type="errors", parameters={"mode": "fast", **more})
        assert 0.25 < advice(attempts, on_errors).chance < 0.4
        assert 0.85 < advice(attempts, on_errors._replace(incident_type="latency")).chance < 0.95
        # Of an incident type that nobody met, the mode is all that is known.
        assert 0.6 < advice(attempts, on_errors._replace(incident_type="unheard-of")).chance < 0.8


def test_what_helps_on_one_incident_type_and_hurts_on_another_is_learned() -> None:
    past = []
    for incident_type, works in (("latency", "fast"), ("errors", "slow")):
        for mode in ("fast", "slow"):
            rate = 0.9 if mode == works else 0.1
            past += mixed(rate, 40, incident_type=incident_type, parameters={"mode": mode})
    told = advice(past, Past(True, incident_type="errors", parameters={"mode": "slow"}))
    assert told.chance > 0.8
    assert told.levels[-1].like == {"incident_type": "errors"}
    assert advice(past, Past(True, incident_type="latency", parameters={"mode": "slow"})).chance < 0.2


def test_the_first_words_of_a_command_are_learned() -> None:
    past = [Past(True, parameters={"command": f"get pods host-{i}"}) for i in range(30)]
    past += [Past(False, parameters={"command": f"exec into host-{i}"}) for i in range(30)]
    assert advice(past, Past(True, parameters={"command": "get pods unseen"})).chance > 0.85
    assert advice(past, Past(True, parameters={"command": "exec into unseen"})).chance < 0.15


def test_the_magnitude_of_a_number_is_learned() -> None:
    past = [Past(timeout > 30, parameters={"timeout": timeout}) for timeout in (3, 5, 7, 9, 11, 40, 50, 60, 70) * 5]
    assert advice(past, Past(True, parameters={"timeout": 55})).chance > 0.85
    assert advice(past, Past(True, parameters={"timeout": 6.5})).chance < 0.15


def test_a_parameter_that_matters_is_not_diluted_by_those_that_do_not() -> None:
    chance = random.Random(1)
    past = []
    for i in range(200):
        noise = {f"noise{j}": chance.choice("abcd") for j in range(6)}
        past.append(Past(i % 2 == 0, parameters={"mode": "fast" if i % 2 else "safe", **noise}))
    noise = {f"noise{j}": "a" for j in range(6)}
    assert advice(past, Past(True, parameters={"mode": "safe", **noise})).chance > 0.9
    assert advice(past, Past(True, parameters={"mode": "fast", **noise})).chance < 0.1


def test_the_same_that_failed_in_this_incident_is_likely_to_fail_again() -> None:
    past = []
    for i in range(40):  # in each incident it works each time, or never
        past += [Past(i % 4 != 0, incident_id=f"incident-{i}")] * 3
    failing = advice(past, incident_id="incident-0")
    assert failing.basis == "same_incident"
    assert failing.chance < 0.3
    assert advice(past).chance > 0.7
    assert advice(past, incident_id="unheard-of").chance > 0.7


@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0])
def test_with_much_evidence_the_observed_rate_is_told(rate: float) -> None:
    others = mixed(0.5, 50, action_type="drain")
    distances = [abs(advice(others + mixed(rate, n)).chance - rate) for n in (10, 100, 1000)]
    assert distances[-1] < 0.01
    assert distances == sorted(distances, reverse=True)


past_attempts = st.builds(
    Past,
    success=st.booleans(),
    action_type=st.sampled_from(["restart", "drain"]),
    parameters=st.fixed_dictionaries({}, optional={"to": st.sampled_from(["a", "b c", "b d"]), "n": st.integers(0, 5)}),
    incident_type=st.sampled_from(["latency", "errors"]),
    environment=st.sampled_from(["production", "staging"]),
    incident_id=st.sampled_from(["incident-0", "incident-1"]),
)


@given(st.lists(past_attempts, max_size=40), past_attempts)
def test_the_chance_is_a_probability_within_its_interval(past: list[Past], like: Past) -> None:
    told = advice(past, like, incident_id=like.incident_id)
    assert 0 <= told.low <= told.chance <= told.high <= 1
    assert 0 < told.chance < 1
    assert told.has_evidence == any(one.action_type == like.action_type for one in past)


@given(st.lists(past_attempts, max_size=40), past_attempts, st.randoms(use_true_random=False))
def test_the_order_of_the_evidence_does_not_matter(past: list[Past], like: Past, chance: random.Random) -> None:
    shuffled = chance.sample(past, len(past))
    assert advice(shuffled, like).chance == pytest.approx(advice(past, like).chance)


@given(st.lists(past_attempts, max_size=40), past_attempts)
def test_success_and_failure_are_treated_alike(past: list[Past], like: Past) -> None:
    turned = [one._replace(success=not one.success) for one in past]
    assert advice(turned, like).chance == pytest.approx(1 - advice(past, like).chance)
