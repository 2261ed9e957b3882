"""What the feed carries of one row: its detail without steps, and without values too large to send to everyone.

A value beyond LARGEST_VALUE bytes is left out inside the database, so that megabytes neither travel nor are parsed.
Nothing is cut silently: omitted names what was left out, and whole_at is the address of all of it.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

import msgspec
from django.db import connection
from django.db.models import Field, JSONField, Model, TextField
from django.urls import reverse
from msgspec import Meta, Raw, Struct
from msgspec.structs import asdict

from attempts.details import AttemptDetail, JsonObjectOrNull, detail_of_attempt
from attempts.models import ActionAttempt
from attempts.rows import AttemptRow
from resolutions.details import ResolutionDetail, detail_of_resolution
from resolutions.models import ResolutionAttempt
from resolutions.rows import ResolutionRow

LARGEST_VALUE: Final = 4096

JsonListOrNull = Annotated[Raw, Meta(extra_json_schema={"type": ["array", "null"]})]


class FeedAttempt(AttemptDetail, forbid_unknown_fields=False, omit_defaults=False, kw_only=True):
    """One action attempt in the live feed. A field that omitted names is null here; whole_at is where to fetch it."""

    parameters: JsonObjectOrNull
    omitted: list[str]
    whole_at: str | None


class FeedResolution(ResolutionDetail, forbid_unknown_fields=False, omit_defaults=False, kw_only=True):
    """One resolution attempt in the live feed. A field that omitted names is null here; whole_at is where it is."""

    recommended_actions: JsonListOrNull
    summary: JsonObjectOrNull
    omitted: list[str]
    whole_at: str | None


class _BoundedAttempt(AttemptRow, omit_defaults=True, forbid_unknown_fields=False, kw_only=True):
    omitted: list[str]


class _BoundedResolution(ResolutionRow, omit_defaults=True, forbid_unknown_fields=False, kw_only=True):
    omitted: list[str]


Row = TypeVar("Row", bound=Struct)


def feed_attempts(ids: Iterable[UUID]) -> dict[UUID, FeedAttempt]:
    """The present state of the attempts of these ids that exist. One query, none for no ids."""
    return {
        row.attempt_id: FeedAttempt(**_whole(detail_of_attempt(row), row.omitted, "action-attempt", row.attempt_id))
        for row in _read(ActionAttempt, msgspec.json.Decoder(_BoundedAttempt), ids)
    }


def feed_resolutions(ids: Iterable[UUID]) -> dict[UUID, FeedResolution]:
    """The present state of the resolution attempts of these ids that exist. One query, none for no ids."""
    return {
        row.resolution_id: FeedResolution(
            **_whole(detail_of_resolution(row), row.omitted, "resolution-attempt", row.resolution_id)
        )
        for row in _read(ResolutionAttempt, msgspec.json.Decoder(_BoundedResolution), ids)
    }


def _whole(detail: AttemptDetail | ResolutionDetail, omitted: list[str], name: str, id: UUID) -> dict[str, Any]:
    # Not the default of the field: {} would say that the engine told no parameters.
    left_out: dict[str, Any] = dict.fromkeys(omitted)
    return asdict(detail) | left_out | {"omitted": omitted, "whole_at": reverse(name, args=[id]) if omitted else None}


def _read(model: type[Model], decoder: "msgspec.json.Decoder[Row]", ids: Iterable[UUID]) -> list[Row]:
    wanted = list(ids)
    if not wanted:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_bounded_rows(model), [wanted])
        return [decoder.decode(text) for (text,) in cursor.fetchall()]


def _bounded_rows(model: type[Model]) -> str:
    """The query for whole rows by id as JSON text, each with the list of values left out."""
    columns, too_large = [], []
    for field in model._meta.concrete_fields:
        name = connection.ops.quote_name(str(field.column))
        if _is_unbounded(field):
            # The stored size first: it is known without reading the value, and a value that is large even compressed
            # need not be read at all.
            too_large.append(
                f"CASE WHEN pg_column_size({name}) > {LARGEST_VALUE} OR octet_length({name}::text) > {LARGEST_VALUE} "
                f"THEN '{field.column}' END"
            )
            columns.append(f"CASE WHEN '{field.column}' = ANY(omitted) THEN NULL ELSE {name} END AS {name}")
        else:
            columns.append(name)
    table, key = (connection.ops.quote_name(str(name)) for name in (model._meta.db_table, model._meta.pk.column))
    return f"""
        SELECT row_to_json(shown)::text FROM (
            SELECT {", ".join(columns)}, omitted
            FROM {table}, LATERAL (SELECT array_remove(ARRAY[{", ".join(too_large)}], NULL) AS omitted) AS sizes
            WHERE {key} = ANY(%s)
        ) AS shown
    """  # noqa: S608  # names of our own columns


def _is_unbounded(field: "Field[Any, Any]") -> bool:
    return isinstance(field, JSONField | TextField)
