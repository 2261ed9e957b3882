"""What a list of attempts can be filtered by."""

from typing import Final
from uuid import UUID

from django_filters import FilterSet

from attempts.api.parameters import StatusFilter, TextFilter, TypedFilter
from attempts.queries import STATUS_CONDITIONS
from attempts.records import Time

TIME_HINT: Final = "Send a time with its offset, such as 2026-01-31T12:00:00Z (write + as %2B)."
UUID_HINT: Final = "Send a UUID, such as 0190d3a5-6c1e-7b43-9f0e-2a1b3c4d5e6f."
BOOLEAN_HINT: Final = "Send true or false."


class AttemptFilters(FilterSet):
    incident_id = TextFilter("Of this incident.")
    action_id = TextFilter("Of this action: its first attempt and its retries.")
    action_type = TextFilter("Of this action type; the empty text asks for attempts without one.")
    incident_type = TextFilter("Of incidents of this type.")
    environment = TextFilter("In this environment.")
    engine = TextFilter("By this engine.")
    target = TextFilter("On this target.")
    trace_id = TextFilter("Of this trace.")
    status = StatusFilter(
        "With this status; repeat it for several. abandoned: the engine went silent before it told an outcome; such "
        "attempts are not among pending and in_progress.",
        conditions=STATUS_CONDITIONS,
    )
    resolution_id = TypedFilter("Of this resolution attempt.", type_=UUID, hint=UUID_HINT)
    retry_of = TypedFilter("Retries of this attempt.", type_=UUID, hint=UUID_HINT)
    has_resolution = TypedFilter(
        "Whether a resolution attempt is named.",
        type_=bool,
        hint=BOOLEAN_HINT,
        field_name="resolution_id",
        lookup_expr="isnull",
        exclude=True,
    )
    started_after = TypedFilter(
        "Started at this time or later.",
        type_=Time,
        hint=TIME_HINT,
        field_name="effective_started_at",
        lookup_expr="gte",
    )
    started_before = TypedFilter(
        "Started before this time.", type_=Time, hint=TIME_HINT, field_name="effective_started_at", lookup_expr="lt"
    )
