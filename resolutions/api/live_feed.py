"""GET /api/resolution-monitor/live-feed: the live feed for clients that poll."""

from typing import Any

import msgspec
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from msgspec import Raw, Struct
from rest_framework.request import Request
from rest_framework.views import APIView

from access.errors import ApiError
from resolutions.feed.entries import head
from resolutions.feed.queries import MAX_ROWS, Reset, changes_after, parse_cursor


class LiveFeed(Struct):
    """Rows that changed after a cursor, in their present state, oldest change first.

    reset: the cursor asked for is not known (any more); fetch a fresh page, then go on from this cursor.
    more: there are further changes now; ask again with this cursor at once.
    """

    cursor: int
    attempts: list[Raw]
    resolutions: list[Raw]
    reset: bool = False
    more: bool = False


class LiveFeedView(APIView):
    """Follow the feed by polling."""

    @extend_schema(
        operation_id="live_feed",
        parameters=[
            OpenApiParameter(
                "after", int, description="The cursor of the last answer. Without it, only the head is told."
            ),
            OpenApiParameter(
                "limit",
                int,
                description=f"About how many rows, 1 to {MAX_ROWS} (the default). Rows that one transaction changed "
                "together, up to 200, are never parted.",
            ),
        ],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        limit = _limit_of(request)
        after = request.query_params.get("after")
        answer = LiveFeed(head(), [], []) if after is None else _changes(parse_cursor(after), limit)
        return HttpResponse(msgspec.json.encode(answer), content_type="application/json")


def _changes(cursor: int, limit: int) -> LiveFeed:
    found = changes_after(cursor, limit)
    if isinstance(found, Reset):
        return LiveFeed(found.cursor, [], [], reset=True)
    return LiveFeed(
        found.cursor,
        [change.document for change in found.attempts],
        [change.document for change in found.resolutions],
        more=found.cursor < found.head,
    )


def _limit_of(request: Request) -> int:
    told = request.query_params.get("limit", str(MAX_ROWS))
    limit = parse_cursor(told)
    if not 1 <= limit <= MAX_ROWS:
        raise ApiError(400, f"This must be a number from 1 to {MAX_ROWS}.", field="limit", path="limit")
    return limit
