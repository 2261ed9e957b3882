"""What lists of resolution attempts, of recent sessions and of verdicts can be filtered by."""

from django_filters import FilterSet

from attempts.api.filters import TIME_HINT
from attempts.api.parameters import StatusFilter, TextFilter, TypedFilter
from attempts.records import VERDICTS, Time, VerdictValue
from resolutions.queries import STATUS_CONDITIONS
from resolutions.records import Severity
from resolutions.verdicts.documents import SOURCES, Source

STATUS = (
    "With this status; repeat it for several. abandoned: the engine went silent before it told an outcome; such "
    "sessions are not among in_progress."
)


class SessionFilters(FilterSet):
    """What a session can be picked by whether a resolution attempt was told or not."""

    incident_type = TextFilter("On incidents of this type.")
    environment = TextFilter("In this environment.")
    engine = TextFilter("By this engine.")


class RecentFilters(SessionFilters):
    status = StatusFilter(
        f"{STATUS} Nobody tells the status of an implicit session, so this leaves them out.",
        conditions=STATUS_CONDITIONS,
    )


class ResolutionFilters(SessionFilters):
    incident_id = TextFilter("On this incident.")
    service = TextFilter("Of this service.")
    status = StatusFilter(STATUS, conditions=STATUS_CONDITIONS)
    severity = TypedFilter("Of this severity.", type_=Severity, hint="Send one of: critical, high, medium, low, info.")
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


class VerdictFilters(FilterSet):
    verdict = TypedFilter("With this verdict.", type_=VerdictValue, hint=f"Send one of: {', '.join(VERDICTS)}.")
    source = TypedFilter("From this source.", type_=Source, hint=f"Send one of: {', '.join(SOURCES)}.")
