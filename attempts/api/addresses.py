"""How addresses of the API are written in urls.py: every one works with and without its trailing slash."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.urls import URLPattern, path, register_converter


class AnyUuid:
    """A UUID in either case, with or without hyphens; Django's own converter takes one form only."""

    regex = "(?:[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{32})"

    def to_python(self, value: str) -> UUID:
        return UUID(value)

    def to_url(self, value: UUID | str) -> str:
        return str(value)


register_converter(AnyUuid, "any_uuid")


def with_or_without_slash(route: str, view: Callable[..., Any], name: str) -> list[URLPattern]:
    """Two patterns for a route that is given without its trailing slash. The name gives the address with it."""
    return [path(f"{route}/", view, name=name), path(route, view)]
