"""Drawn attempts with parameters, for the promises of parameter effectiveness. Every draw is named by its seed."""

import random
from collections.abc import Callable
from typing import Any

Attempt = tuple[dict[str, Any], bool, float | None]
Draw = Callable[[dict[str, Any]], Any]


def parameter(chance: random.Random, name: str) -> Draw:
    """A way to draw the value of one parameter, from what was drawn before: category, number, flag, copy or object."""
    kind = chance.choice(("category", "skewed", "uniform", "count", "flag", "optional", "copy", "nested"))
    size, rate = chance.randint(2, 12), chance.uniform(0.1, 0.9)

    def draw(before: dict[str, Any]) -> Any:
        match kind:
            case "category":
                return f"{name}-{chance.randrange(size)}"
            case "skewed":
                return f"{name}-{int(chance.paretovariate(1))}"
            case "uniform":
                return chance.uniform(0, 100)
            case "count":
                return chance.randrange(size)
            case "flag":
                return chance.random() < rate
            case "optional":
                return chance.choice((None, 30, "auto")) if chance.random() < rate else None
            case "copy" if before and chance.random() < rate:  # a correlated parameter
                return next(iter(before.values()))
            case "nested":
                return {"mode": chance.choice("abc"), "size": chance.expovariate(0.1)}
        return chance.choice(("x", "y"))

    return draw


def draw_parameters(chance: random.Random, draws: dict[str, Draw]) -> dict[str, Any]:
    drawn: dict[str, Any] = {}
    for name, draw in draws.items():
        if chance.random() < 0.97:
            drawn[name] = draw(drawn)
    return drawn


def without_effect(seed: int) -> list[Attempt]:
    """400 to 1000 attempts with 3 to 8 parameters, none of which matters; every fifth set in sessions of equal ones."""
    chance = random.Random(seed)
    draws = {f"p{number}": parameter(chance, f"p{number}") for number in range(chance.randint(3, 8))}
    rate = chance.uniform(0.3, 0.9)
    attempts: list[Attempt] = []
    parameters: dict[str, Any] = {}
    for _ in range(chance.randint(400, 1000)):
        if seed % 5 or chance.random() < 0.3:
            parameters = draw_parameters(chance, draws)
        attempts.append((parameters, chance.random() < rate, chance.expovariate(0.1)))
    return attempts


def with_effect(seed: int, planted: list[tuple[dict[str, Any], float, int]]) -> list[Attempt]:
    """For each (parameters, rate of success, attempts) so many attempts, among 5 parameters that do not matter."""
    chance = random.Random(seed)
    draws = {f"p{number}": parameter(chance, f"p{number}") for number in range(5)}
    attempts: list[Attempt] = [
        ({**draw_parameters(chance, draws), **parameters}, chance.random() < rate, None)
        for parameters, rate, n in planted
        for _ in range(n)
    ]
    chance.shuffle(attempts)
    return attempts
