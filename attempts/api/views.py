"""Reading attempts: a filtered list by pages, and one with its steps. Writing them is the write door's."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from access.errors import ApiError
from attempts import queries
from attempts.api import pagination
from attempts.api.filters import AttemptFilters
from attempts.api.pagination import (
    ORDERINGS,
    PAGE_PARAMETERS,
    Page,
    after_position,
    page_of,
    page_parameters,
    page_request,
)
from attempts.api.reading import ReadView
from attempts.details import AttemptDetail
from attempts.keyset import Position
from attempts.models import ActionAttempt


class AttemptPage(Page[AttemptDetail]):
    """A page of action attempts."""


class AttemptViewSet(ReadView):
    queryset = ActionAttempt.objects.all()
    filterset_class = AttemptFilters
    query_parameters = {"list": (*PAGE_PARAMETERS, "ordering")}
    list_name = "action-attempts"

    @extend_schema(operation_id="action_attempts_list", parameters=page_parameters(*ORDERINGS), responses=AttemptPage)
    def list(self, request: Request) -> Response:
        """Action attempts, newest start first, without their steps."""
        page = page_request(request, list_name=self.list_name, orderings=tuple(ORDERINGS))
        column = ORDERINGS[page.ordering]
        rows = after_position(self.filter_queryset(self.get_queryset()), page, time=column, id_name="attempt_id")
        details, complete = queries.read_attempts_within(rows, max_bytes=pagination.MAX_BYTES)
        found = [(Position(getattr(detail, column), detail.attempt_id), detail) for detail in details]
        return Response(page_of(found, request=request, page=page, list_name=self.list_name, complete=complete))

    @extend_schema(operation_id="action_attempts_read", responses=AttemptDetail)
    def retrieve(self, request: Request, attempt_id: UUID, **_: Any) -> Response:
        """One action attempt with its steps."""
        detail = queries.attempt_detail(attempt_id)
        if detail is None:
            raise ApiError(404, f"There is no action attempt {attempt_id}.")
        return Response(detail)
