"""Keyset pagination: a page continues after the last row of the one before, whatever was inserted meanwhile.

A cursor is the position of that row (time to the microsecond, id) with the list and the order it belongs to, signed, so
that one that was changed or belongs elsewhere is refused and never misread.
"""

import re
from collections.abc import Collection, Sequence
from typing import Final, Generic, NamedTuple, TypeVar

import msgspec
from django.core import signing
from django.db.models import Model, QuerySet
from drf_spectacular.utils import OpenApiParameter
from msgspec import Struct
from rest_framework.request import Request

from access.errors import ApiError
from attempts.keyset import Position, Rank, RowCompare

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 500
# A page ends early once its rows hold so much, so that large outputs cost round trips and not the server's memory.
MAX_BYTES: Final = 16 * 1024 * 1024
# The orders of a list of attempts, of either kind, and the column of each. The first is the default.
ORDERINGS: Final = {
    "-started_at": "effective_started_at",
    "started_at": "effective_started_at",
    "-received_at": "received_at",
    "received_at": "received_at",
}
# The parameters every paged list takes; ordering only where there is a choice.
PAGE_PARAMETERS: Final = ("limit", "cursor")

Row = TypeVar("Row", bound=Model)
Result = TypeVar("Result")

_signer = signing.Signer(salt="attempts.api.pagination")


class Page(Struct, Generic[Result]):
    """A page of a list. next is the address of the page after it, next_cursor its cursor; null on the last page."""

    results: list[Result]
    next: str | None
    next_cursor: str | None


class PageRequest(NamedTuple):
    """The page that was asked for: at most limit rows after a position, in the order of column."""

    limit: int
    ordering: str
    after: Position | Rank | None

    @property
    def descending(self) -> bool:
        return self.ordering.startswith("-")


def page_request(
    request: Request, *, list_name: str, orderings: Sequence[str], by_number: Collection[str] = ()
) -> PageRequest:
    """Reads limit, ordering and cursor. The first of orderings is the default; by_number names those by a number.

    Raises ApiError 400 when one is not understood, or when the cursor is of another list or order.
    """
    query = request.query_params
    ordering = query.get("ordering", orderings[0])
    if ordering not in orderings:
        raise ApiError(400, f"There is no such order. Choose one of: {', '.join(orderings)}.", field="ordering")
    cursor = query.get("cursor")
    return PageRequest(
        limit=_limit(query.get("limit", str(DEFAULT_LIMIT))),
        ordering=ordering,
        after=None
        if cursor is None
        else _position(cursor, f"{list_name} {ordering}", Rank if ordering in by_number else Position),
    )


def after_position(rows: "QuerySet[Row]", page: PageRequest, *, time: str, id_name: str) -> "QuerySet[Row]":
    """The rows of this page in its order, and one more if there is one. time and id_name are columns, never NULL."""
    if page.after is not None:
        beyond = RowCompare([time, id_name], "<" if page.descending else ">", page.after.values())
        rows = rows.filter(beyond)
    sign = "-" if page.descending else ""
    return rows.order_by(f"{sign}{time}", f"{sign}{id_name}")[: page.limit + 1]


def page_of(
    found: Sequence[tuple[Position | Rank, Result]],
    *,
    request: Request,
    page: PageRequest,
    list_name: str,
    complete: bool = True,
) -> Page[Result]:
    """The page made of what was found, which holds one more than the page when there is a next page.

    complete is False when reading ended early: then there is a next page after all that was found.
    """
    shown = found[: page.limit]
    results = [result for _, result in shown]
    if complete and len(found) <= page.limit:
        return Page(results=results, next=None, next_cursor=None)
    cursor = _cursor(shown[-1][0], f"{list_name} {page.ordering}")
    return Page(results=results, next=_address(request, cursor), next_cursor=cursor)


def page_parameters(*orderings: str) -> list[OpenApiParameter]:
    """The parameters of a paged list, for the OpenAPI schema."""
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
    parameters = [
        OpenApiParameter("limit", limit, description="How many results at most; a page may hold fewer."),
        OpenApiParameter("cursor", str, description="next_cursor of the page before."),
    ]
    if orderings:
        parameters.append(
            OpenApiParameter(
                "ordering", str, enum=orderings, default=orderings[0], description="The order; - is newest first."
            )
        )
    return parameters


def _address(request: Request, cursor: str) -> str:
    query = request.query_params.copy()
    query["cursor"] = cursor
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")


def _limit(text: str) -> int:
    # Checked as text: int() is slow and then raises on a number of thousands of digits.
    if not re.fullmatch(r"[0-9]{1,4}", text) or not 1 <= int(text) <= MAX_LIMIT:
        raise ApiError(400, f"Send a whole number from 1 to {MAX_LIMIT}.", field="limit")
    return int(text)


def _cursor(position: Position | Rank, scope: str) -> str:
    return _signer.sign_object([scope, *msgspec.to_builtins(position)])


def _position(cursor: str, scope: str, type_: type[Position | Rank]) -> Position | Rank:
    try:
        of, *position = _signer.unsign_object(cursor)
        if of == scope:
            return msgspec.convert(position, type_)
    except (signing.BadSignature, msgspec.ValidationError):
        pass
    raise ApiError(
        400,
        "This cursor is not of this list and order. Send next_cursor of a page as it was, with the same ordering.",
        field="cursor",
    )
