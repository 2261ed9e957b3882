"""Reading the engine instances: a filtered list by pages, and one with every missing number."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from access.errors import ApiError
from attempts.api.pagination import (
    PAGE_PARAMETERS,
    Page,
    after_position,
    page_of,
    page_parameters,
    page_request,
)
from attempts.api.reading import ReadView
from attempts.keyset import Position
from engines import queries
from engines.api.filters import EngineFilters
from engines.details import EngineInstance
from engines.models import EngineJournal


class EnginePage(Page[EngineInstance]):
    """A page of engine instances."""


class EngineViewSet(ReadView):
    queryset = EngineJournal.objects.all()
    filterset_class = EngineFilters
    query_parameters = {"list": PAGE_PARAMETERS}
    list_name = "engines"

    @extend_schema(operation_id="engines_list", parameters=page_parameters(), responses=EnginePage)
    def list(self, request: Request) -> Response:
        """Engine instances, the last heard first. Of many missing or refused numbers it tells the first 20 ranges.

        An instance that is heard of while the list is read moves to its front, and is then not on a later page.
        """
        page = page_request(request, list_name=self.list_name, orderings=("-last_heard_at",))
        journals = self.filter_queryset(self.get_queryset())
        rows = after_position(journals, page, time="last_heard_at", id_name="journal_id")
        found = [(Position(one.last_heard_at, one.journal_id), one) for one in queries.read_instances(rows)]
        return Response(page_of(found, request=request, page=page, list_name=self.list_name))

    @extend_schema(operation_id="engines_read", responses=EngineInstance)
    def retrieve(self, request: Request, journal_id: UUID, **_: Any) -> Response:
        """One engine instance with every range of missing and refused numbers."""
        instance = queries.read_instance(journal_id)
        if instance is None:
            raise ApiError(404, f"Nothing was heard of a journal {journal_id}.")
        return Response(instance)
