"""What failures concentrate on: planted traits are found, chance is called chance."""

import random
from typing import Any

from analytics.patterns.concentration import TraitFigures, concentration_of


def some(n: int, seed: int, **planted: Any) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    return [
        {
            "target": f"db-{chance.randrange(8)}",
            "environment": chance.choice(["production", "staging"]),
            "parameters": {
                "pool": chance.randrange(1, 200),
                "force": chance.random() < 0.5,
                "id": str(chance.random()),
            },
            **planted,
        }
        for _ in range(n)
    ]


def differing(failures: list[dict[str, Any]], successes: list[dict[str, Any]]) -> list[TraitFigures]:
    return [one for one in concentration_of(failures, successes).traits if one.difference != "chance"]


def test_a_planted_target_is_found_with_both_counts() -> None:
    failures = some(30, 1) + some(70, 2, target="db-7")
    more = [one for one in differing(failures, some(400, 3)) if one.difference == "more"]
    assert [(one.trait.parameter, one.trait.text) for one in more] == [("target", '"db-7"')]
    assert more[0].failures.n == 100
    assert more[0].failures.count >= 70
    assert more[0].successes.n == 400
    assert 0.05 < more[0].successes.share < 0.2


def test_a_planted_range_of_a_parameter_is_found() -> None:
    failures = [one for one in some(400, 4) if one["parameters"]["pool"] > 150]
    more = [one for one in differing(failures, some(400, 5)) if one.difference == "more"]
    assert {one.trait.parameter for one in more} == {"parameters.pool"}
    assert {one.trait.kind for one in more} == {"range"}
    assert more[0].trait.low is not None
    assert more[0].trait.low > 150
    assert more[0].failures.share > 3 * more[0].successes.share


def test_one_host_of_hundreds_is_found_though_it_is_rare_among_successes() -> None:
    chance = random.Random(6)
    successes = [{"target": f"web-{chance.randrange(300)}"} for _ in range(1000)]
    failures = [{"target": f"web-{chance.randrange(300)}"} for _ in range(10)] + [{"target": "web-17"}] * 20
    more = differing(failures, successes)
    assert [one.trait.text for one in more] == ['"web-17"']


def test_a_trait_that_only_failures_lack_is_found_as_missing() -> None:
    successes: list[dict[str, Any]] = [{"target": "a", "environment": "production"}] * 60
    failures: list[dict[str, Any]] = [{"target": "a"}] * 30 + successes[:5]
    assert ("environment", "missing", "more") in {
        (one.trait.parameter, one.trait.kind, one.difference) for one in differing(failures, successes)
    }


def test_without_any_effect_at_most_one_in_twenty_data_sets_shows_one() -> None:
    shown = sum(bool(differing(some(60, 2 * seed), some(200, 2 * seed + 1))) for seed in range(200))
    assert shown <= 10


def test_picking_the_common_ones_of_many_values_makes_no_certainty() -> None:
    shown = 0
    for seed in range(200):
        chance = random.Random(seed)
        attempts = [{"target": f"web-{chance.randrange(200)}"} for _ in range(520)]
        shown += bool(differing(attempts[:20], attempts[20:]))
    assert shown <= 10


def test_too_few_attempts_say_nothing() -> None:
    found = concentration_of(some(4, 1, target="db-7"), some(100, 2))
    assert (found.enough, found.traits, found.failures, found.successes) == (False, [], 4, 100)
    assert not concentration_of(some(100, 1), []).enough
