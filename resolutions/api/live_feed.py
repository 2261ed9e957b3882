"""GET /api/resolution-monitor/live-feed: the live feed for clients that poll."""

from typing import ClassVar, Final, cast

from drf_spectacular.utils import OpenApiParameter, extend_schema
from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from access.errors import ApiError
from attempts.api.reading import ReadView
from resolutions.feed.details import FeedAttempt, FeedResolution
from resolutions.feed.entries import head
from resolutions.feed.queries import MAX_ROWS, Change, Reset, changes_after, parse_cursor
from resolutions.models import FeedEntry

AFTER: Final = OpenApiParameter(
    "after", int, description="The cursor of the answer before. Without it the answer is the present cursor alone."
)
LIMIT: Final = OpenApiParameter(
    "limit",
    {"type": "integer", "minimum": 1, "maximum": MAX_ROWS, "default": MAX_ROWS},
    description="About how many rows: up to 200 that one transaction changed together are never parted.",
)


class LiveFeed(Struct):
    """Rows that changed after a cursor, in their present state; those that changed last come last.

    reset: the cursor asked for is not known (any more); fetch a fresh page, then go on from this cursor.
    more: there are further changes now; ask again, with this cursor.
    """

    cursor: int
    attempts: list[FeedAttempt]
    resolutions: list[FeedResolution]
    reset: bool
    more: bool


class LiveFeedView(ReadView):
    queryset = FeedEntry.objects.all()
    query_parameters: ClassVar = {"retrieve": ("after", "limit")}

    @extend_schema(operation_id="live_feed_read", parameters=[AFTER, LIMIT], responses=LiveFeed)
    def retrieve(self, request: Request) -> Response:
        """What changed after a cursor. The same as ws/live-feed/ sends, for clients that ask from time to time."""
        limit = _limit(request)
        after = request.query_params.get("after")
        return Response(LiveFeed(head(), [], [], False, False) if after is None else _changes(after, limit))


def _changes(after: str, limit: int) -> LiveFeed:
    found = changes_after(parse_cursor(after), limit)
    if isinstance(found, Reset):
        return LiveFeed(found.cursor, [], [], True, False)
    return LiveFeed(
        found.cursor,
        cast(list[FeedAttempt], _documents(found.attempts)),
        cast(list[FeedResolution], _documents(found.resolutions)),
        False,
        found.cursor < found.head,
    )


def _documents(changes: list[Change]) -> list[object]:
    # Already encoded, as these structs are: the types above are for the schema.
    return [change.document for change in changes]


def _limit(request: Request) -> int:
    told = request.query_params.get("limit", str(MAX_ROWS))
    limit = parse_cursor(told)
    if not 1 <= limit <= MAX_ROWS:
        raise ApiError(400, f"Send a number from 1 to {MAX_ROWS}.", field="limit")
    return limit
