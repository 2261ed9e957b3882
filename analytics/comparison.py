"""A failed attempt beside the successful one that is most like it: what was different when it worked?

Pure: which attempts are candidates (same action type and environment, and how many of them) is the caller's.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from msgspec import Struct

from analytics.parameters.paths import flatten, value_text
from analytics.step_durations import StepEntry, StepSpan, spans_of

MOST_DIFFERENCES: Final = 200
LONGEST_VALUE: Final = 1000  # characters of JSON; the attempt itself has it whole


class ComparedAttempt(Struct, kw_only=True, frozen=True):
    """What of an attempt is compared. started_at is the effective start; entries are its log, in order."""

    attempt_id: UUID
    parameters: dict[str, Any]
    started_at: datetime
    ended_at: datetime | None = None
    duration_seconds: float | None = None
    entries: Sequence[StepEntry] = ()


class ParameterDifference(Struct, kw_only=True, frozen=True):
    """A parameter, by its path, in the failed and in the successful attempt: canonical JSON, cut where it is very long
    (then it ends in "..."); null where the attempt has no such parameter (JSON's null is "null")."""

    path: str
    failed: str | None
    successful: str | None


class StepDifference(Struct, kw_only=True, frozen=True):
    """A step in both attempts: the first of its name beside the first, the second beside the second.

    missing steps are only in the successful attempt, added ones only in the failed one; status tells that they ended
    otherwise. seconds are null where they are unknown.
    """

    step: str | None
    change: Literal["same", "status", "missing", "added"]
    failed_status: str | None
    successful_status: str | None
    failed_seconds: float | None
    successful_seconds: float | None


class Comparison(Struct, kw_only=True, frozen=True):
    """What differs between a failed attempt and a successful one. Lists are cut at MOST_DIFFERENCES.

    seconds_apart is from the start of the failed one to that of the other: negative if that was earlier. steps are in
    the order of the failed attempt; a missing one stands after the step that it follows in the other.
    """

    failed: UUID
    successful: UUID
    seconds_apart: float
    same_parameters: int
    differing_parameters: int
    parameters: list[ParameterDifference]
    differing_steps: int
    steps: list[StepDifference]
    failed_seconds: float | None
    successful_seconds: float | None


def nearest(failed: ComparedAttempt, candidates: Iterable[ComparedAttempt]) -> ComparedAttempt | None:
    """The candidate with the fewest differing parameters, of these the one that started last; None of none.

    Also one that is later than the failure: what was changed after it is as telling as what was before. Parameters
    differ when their canonical JSON does, or when only one attempt has them. The work is at most one look at each value
    of each candidate; a candidate is given up once it differs more than another.
    """
    here = flatten(failed.parameters)
    texts: dict[str, str] = {}
    best: ComparedAttempt | None = None
    best_rank: tuple[int, timedelta, UUID] | None = None
    for candidate in candidates:
        there = flatten(candidate.parameters)
        differing = len(here.keys() ^ there.keys())
        for path in here.keys() & there.keys():
            if best_rank is not None and differing > best_rank[0]:
                break
            differing += not _same(path, here[path], there[path], texts)
        rank = (differing, failed.started_at - candidate.started_at, candidate.attempt_id)
        if best_rank is None or rank < best_rank:
            best, best_rank = candidate, rank
    return best


def compare(failed: ComparedAttempt, successful: ComparedAttempt) -> Comparison:
    """What differs between the two: parameters by path, steps in order, durations."""
    here, there = flatten(failed.parameters), flatten(successful.parameters)
    paths = here.keys() | there.keys()
    shared = here.keys() & there.keys()
    differing = sorted(path for path in paths if path not in shared or not _same(path, here[path], there[path], {}))
    steps = _steps(spans_of(failed.entries, failed.ended_at), spans_of(successful.entries, successful.ended_at))
    return Comparison(
        failed=failed.attempt_id,
        successful=successful.attempt_id,
        seconds_apart=(successful.started_at - failed.started_at).total_seconds(),
        same_parameters=len(paths) - len(differing),
        differing_parameters=len(differing),
        parameters=[
            ParameterDifference(path=path, failed=_shown(path, here), successful=_shown(path, there))
            for path in differing[:MOST_DIFFERENCES]
        ],
        differing_steps=sum(step.change != "same" for step in steps),
        steps=steps[:MOST_DIFFERENCES],
        failed_seconds=failed.duration_seconds,
        successful_seconds=successful.duration_seconds,
    )


def _same(path: str, here: Any, there: Any, texts: dict[str, str]) -> bool:
    """Whether two values mean the same. texts keeps the canonical text of the values here, by path."""
    if isinstance(here, str) or isinstance(there, str):
        return bool(here == there)
    if path not in texts:
        texts[path] = value_text(here)
    return texts[path] == value_text(there)


def _shown(path: str, values: dict[str, Any]) -> str | None:
    if path not in values:
        return None
    value = values[path]
    # Of a long text not even the JSON is made.
    text = value_text(value[: LONGEST_VALUE + 1] if isinstance(value, str) else value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}..."


def _steps(failed: list[StepSpan], successful: list[StepSpan]) -> list[StepDifference]:
    """The steps of both, matched by name and by how often the name has been before."""
    there = dict(zip(_occurrences(successful), successful, strict=True))
    keys = _occurrences(failed)
    here = set(keys)
    following: dict[tuple[str | None, int] | None, list[StepSpan]] = defaultdict(list)
    before: tuple[str | None, int] | None = None
    for key, span in there.items():
        if key in here:
            before = key
        else:
            following[before].append(span)
    steps = [_step(None, span) for span in following[None]]
    for key, span in zip(keys, failed, strict=True):
        steps.append(_step(span, there.get(key)))
        steps += [_step(None, missing) for missing in following[key]]
    return steps


def _occurrences(spans: list[StepSpan]) -> list[tuple[str | None, int]]:
    seen: Counter[str | None] = Counter()
    keys = []
    for span in spans:
        seen[span.name] += 1
        keys.append((span.name, seen[span.name]))
    return keys


def _step(failed: StepSpan | None, successful: StepSpan | None) -> StepDifference:
    change: Literal["same", "status", "missing", "added"] = "same"
    if failed is None:
        change = "missing"
    elif successful is None:
        change = "added"
    elif failed.status != successful.status:
        change = "status"
    some = failed or successful
    return StepDifference(
        step=some.name if some else None,
        change=change,
        failed_status=failed.status if failed else None,
        successful_status=successful.status if successful else None,
        failed_seconds=failed.seconds if failed else None,
        successful_seconds=successful.seconds if successful else None,
    )
