"""What the list of failure patterns can be filtered by."""

from typing import Final
from uuid import UUID

from django.db.models import Q
from django_filters import FilterSet

from analytics.models import FailurePattern
from analytics.patterns.queries import of_attempt, of_incident, owns
from attempts.api.filters import TIME_HINT, UUID_HINT
from attempts.api.parameters import StatusFilter, TextFilter, TypedFilter
from attempts.records import Time

STATES: Final = {state.value: Q(state=state) for state in FailurePattern.State}


class PatternFilters(FilterSet):
    state = StatusFilter("In this state; repeat it for several.", conditions=STATES)
    action_type = TextFilter(
        "Of failures of this action type; the empty text asks for failures without one.",
        condition=lambda text: owns(action_type=text),
    )
    error_type = TextFilter(
        "Of failures with this error type; the empty text asks for failures without one.",
        condition=lambda text: owns(error_type=text),
    )
    incident_id = TextFilter("That failed in this incident.", condition=of_incident)
    seen_since = TypedFilter(
        "Seen at this time or later.", type_=Time, hint=TIME_HINT, field_name="last_seen", lookup_expr="gte"
    )
    search = TextFilter("Whose template holds this text, in any case.", field_name="template", lookup_expr="icontains")
    attempt = TypedFilter("To which this failed attempt belongs.", type_=UUID, hint=UUID_HINT, condition=of_attempt)
