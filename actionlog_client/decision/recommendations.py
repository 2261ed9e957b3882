"""Recommended actions as they are read: names, dictionaries or objects, whatever an engine has them in."""

import reprlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import UUID

_FACTS: Final = (
    "reason",
    "confidence",
    "target",
    "critical",
    "expected_seconds",
    "environment",
    "trace_id",
    "approved_by",
)


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One recommended action.

    retry_of: the place in the plan of the one that it tries again, or the id of an attempt outside of the plan. action:
    the place of the first of which it is a retry, its own when it is none; what has the same is one action. root_cause:
    what was wrong, should it help. problem: why it cannot be run.
    """

    action_type: Any
    action: int
    parameters: Any = None
    action_id: Any = None
    retry_of: int | str | None = None
    root_cause: Any = None
    facts: dict[str, Any] = field(default_factory=dict)
    problem: str | None = None


def recommendations_of(recommended: Iterable[Any], confidence: float | None) -> list[Recommendation]:
    """Each in its place; confidence is that of those which tell none. Raises nothing because of what one is."""
    plan: list[Recommendation] = []
    for told in recommended:
        plan.append(_read(told, confidence, plan))
    return [_named(one, plan) for one in plan]


def told(thing: Any, name: str) -> Any:
    """What a dictionary or an object tells under this name; None for nothing."""
    try:
        return thing.get(name) if isinstance(thing, Mapping) else getattr(thing, name, None)
    except Exception:  # a property of a stranger's class: not told
        return None


def known(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value is not None}


def _read(one: Any, confidence: float | None, earlier: list[Recommendation]) -> Recommendation:
    one = {"action_type": one} if isinstance(one, str) else one
    action_type, place = told(one, "action_type"), len(earlier)
    facts = known({"confidence": confidence} | known({name: told(one, name) for name in _FACTS}))
    read = Recommendation(
        action_type, place, told(one, "parameters"), told(one, "action_id"), None, told(one, "root_cause"), facts
    )
    if not isinstance(action_type, str) or not action_type:
        problem = "The recommendation names no action_type."
        return replace(read, action_type="unknown", parameters={"recommended": one}, problem=problem)
    if (tried := told(one, "retry_of")) is None:
        return read
    retry_of = _tried_before(tried, earlier)
    if retry_of is None:
        problem = (
            f"retry_of is the place of an earlier recommendation (0 for the first), its action_id or action_type, or "
            f"the id of an attempt; there is none such: {reprlib.repr(tried)}"
        )
        return replace(read, problem=problem)
    if isinstance(retry_of, str):
        return replace(read, retry_of=retry_of)
    return replace(read, retry_of=retry_of, action=earlier[retry_of].action)


def _tried_before(tried: Any, earlier: list[Recommendation]) -> int | str | None:
    """The nearest earlier one of this name; ids of actions go before types."""
    if isinstance(tried, int) and not isinstance(tried, bool):
        return tried if 0 <= tried < len(earlier) else None
    tried = told(tried, "attempt_id") or tried
    if isinstance(tried, str):
        for names in ([one.action_id for one in earlier], [one.action_type for one in earlier]):
            places = [place for place, name in enumerate(names) if isinstance(name, str) and name == tried]
            if places:
                return places[-1]
    try:
        return str(UUID(str(tried))) if isinstance(tried, str | UUID) else None
    except ValueError:
        return None


def _named(one: Recommendation, plan: list[Recommendation]) -> Recommendation:
    """With an action_id: as told; that of what it tries again; else the action's type, numbered where the plan has
    several of it, since their outcomes are not one."""
    if one.action_id is not None:
        return one
    first = plan[one.action]
    if first.action_id is not None:
        return replace(one, action_id=first.action_id)
    alike = [
        other for place, other in enumerate(plan) if other.action == place and other.action_type == first.action_type
    ]
    number = "" if len(alike) == 1 else f"_{one.action + 1}"
    return replace(one, action_id=f"{first.action_type}{number}")
