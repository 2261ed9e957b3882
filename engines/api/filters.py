"""What the list of engine instances can be filtered by."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django_filters import FilterSet

from attempts.api.filters import BOOLEAN_HINT
from attempts.api.parameters import TextFilter, TypedFilter
from engines.queries import is_active


class ActiveFilter(TypedFilter):
    def filter(self, qs: "QuerySet[Any]", value: bool | None) -> "QuerySet[Any]":
        if value is None:
            return qs
        active = is_active(timezone.now())
        return qs.filter(active if value else ~active)


class EngineFilters(FilterSet):
    engine = TextFilter("Of this engine.")
    active = ActiveFilter(
        "true: heard within the last minute and not closed. false: all others.", type_=bool, hint=BOOLEAN_HINT
    )
