"""Hypothesis strategies of attempt documents: a truth, and any set of partial documents that tells it."""

from datetime import datetime
from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]

# Hypothesis takes naive bounds.
TIMES = st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2199, 12, 31)).map(  # noqa: DTZ001
    lambda time: time.isoformat() + "Z"
)
# NUL is replaced and secrets are marked, so these truths do without both; their own tests have them.
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20).filter(
    lambda text: "://" not in text
)
NUMBERS = st.one_of(
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([1e23, 1e-7, 0.1, 1.0, -0.0, 5e-324, 1.7976931348623157e308]),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)
OBJECTS = st.dictionaries(TEXTS, VALUES, max_size=3)
TOLD_VALUES = VALUES.filter(lambda value: value is not None)

FACTS: dict[str, st.SearchStrategy[Any]] = {
    "incident_type": TEXTS,
    "environment": TEXTS,
    "target": TEXTS,
    "engine": TEXTS,
    "reason": TEXTS,
    "resolution_id": st.uuids().map(str),
    "retry_of": st.uuids().map(str),
    "parameters": OBJECTS,
    "confidence": st.floats(0, 1),
    "critical": st.booleans(),
    "expected_seconds": st.floats(0, 1e6),
    "started_at": TIMES,
    "completed_at": TIMES,
    "execution_time_seconds": st.floats(0, 1e6),
    "result": TOLD_VALUES,
    "error_message": TEXTS,
    "error_type": TEXTS,
    "error_details": TOLD_VALUES,
}
STEP_FACTS: dict[str, st.SearchStrategy[Any]] = {
    "step": TEXTS,
    "status": TEXTS,
    "timestamp": TIMES,
    "details": TOLD_VALUES,
}
STATUSES = ("pending", "in_progress", "success", "failed", "skipped", "cancelled")


@st.composite
def some_of(draw: st.DrawFn, whole: Json) -> Json:
    """A part of a mapping."""
    names = draw(st.lists(st.sampled_from(sorted(whole)), unique=True)) if whole else []
    return {name: whole[name] for name in names}


@st.composite
def told_in_parts(draw: st.DrawFn) -> tuple[Json, list[Json]]:
    """A truth about one attempt (without its id), and documents that together tell exactly that truth.

    The documents overlap, repeat and come in any order; each carries the identities.
    """
    identities = {
        "action_id": draw(TEXTS.filter(bool)),
        "action_type": draw(TEXTS),
        "incident_id": draw(TEXTS.filter(bool)),
    }
    whole = draw(st.fixed_dictionaries({}, optional=FACTS))
    steps = draw(st.dictionaries(st.integers(0, 5), st.fixed_dictionaries({}, optional=STEP_FACTS), max_size=3))
    extra = draw(st.dictionaries(TEXTS, VALUES, max_size=3))
    final = draw(st.sampled_from(STATUSES))
    earlier = [status for status in ("pending", "in_progress") if STATUSES.index(status) <= STATUSES.index(final)]
    parts = [draw(_part(whole, steps, extra, [*earlier, final])) for _ in range(draw(st.integers(0, 4)))]
    parts.append(_document(whole, steps, extra, final))
    order = draw(st.permutations([*parts, *draw(st.lists(st.sampled_from(parts), max_size=3))]))
    truth = {**identities, **_document(whole, steps, extra, final)}
    return truth, [{**identities, **part} for part in order]


@st.composite
def _part(draw: st.DrawFn, whole: Json, steps: dict[int, Json], extra: Json, statuses: list[str]) -> Json:
    facts = draw(some_of(whole))
    told = draw(st.lists(st.sampled_from(sorted(steps)), unique=True)) if steps else []
    some_steps = {sequence: draw(some_of(steps[sequence])) for sequence in told}
    return _document(facts, some_steps, draw(some_of(extra)), draw(st.sampled_from([None, *statuses])))


def _document(facts: Json, steps: dict[int, Json], extra: Json, status: str | None) -> Json:
    logs = [{"sequence": sequence, **step} for sequence, step in steps.items()]
    return {
        **facts,
        **({"logs": logs} if logs else {}),
        **({"extra": extra} if extra else {}),
        **({"status": status} if status else {}),
    }
