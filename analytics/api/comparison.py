"""GET /api/action-attempts/{id}/comparison/: a failed attempt beside the nearest successful one."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from access.errors import ApiError, ErrorSerializer
from analytics.from_record.comparison import AttemptComparison, NoneSuccessful, NotFailed, comparison_of
from attempts.api.reading import ReadView
from attempts.models import ActionAttempt


class ComparisonView(ReadView):
    queryset = ActionAttempt.objects.all()

    @extend_schema(
        operation_id="action_attempt_comparison",
        responses={200: AttemptComparison, 409: OpenApiResponse(ErrorSerializer, description="It did not fail.")},
    )
    def retrieve(self, request: Request, attempt_id: UUID, **_: Any) -> Response:
        """What was different when it worked: parameters, steps, durations. 404 where it never worked."""
        try:
            found = comparison_of(attempt_id)
        except NotFailed as refusal:
            raise ApiError(409, str(refusal), field="attempt_id") from None
        except NoneSuccessful as refusal:
            raise ApiError(404, str(refusal)) from None
        if found is None:
            raise ApiError(404, f"There is no action attempt {attempt_id}.")
        return Response(found)
