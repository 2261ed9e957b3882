"""How drf-spectacular describes our reading views: structs as components, and the errors all of them share.

A view tells its answer with @extend_schema(responses=SomeStruct).
"""

import re
from typing import Any, Final, Literal

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import OpenApiResponse

from access.errors import ErrorSerializer
from actionlog_site.openapi.structs import schemas_of, structs_in

BELOW_MONITOR: Final = re.compile("/resolution-monitor/.")
ERRORS: Final = {
    400: "A parameter is not understood; field names it.",
    401: "No credentials were sent, or ones that are not valid (any more).",
    403: "The API key lacks the scope read.",
    404: "There is no such thing.",
    503: "The database cannot be reached. Send the request again after Retry-After seconds.",
}


class StructExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Lets a msgspec struct stand where drf-spectacular expects a serializer."""

    target_class = "msgspec.Struct"
    match_subclasses = True

    def get_name(self, auto_schema: AutoSchema, direction: str) -> str:
        return str(self.target.__name__)

    def map_serializer(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        own, *held = structs_in(self.target)
        schemas = schemas_of([own])
        for struct in held:
            name = struct.__name__
            component = ResolvedComponent(name, ResolvedComponent.SCHEMA, schema=schemas[name], object=struct)  # type: ignore[no-untyped-call]
            auto_schema.registry.register_on_missing(component)
        found: dict[str, Any] = schemas[own.__name__]
        return found


class ReadSchema(AutoSchema):
    """Adds to every operation the errors that it may answer with."""

    def _is_list_view(self, serializer: Any = None) -> bool:
        # Asked with a serializer, it means: wrap the answer in a list. A struct describes the whole answer.
        return serializer is None and bool(super()._is_list_view())

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        # Not in get_response_serializers, which @extend_schema replaces.
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for status, description in ERRORS.items():
            if status != 404 or getattr(self.view, "may_be_missing", "{" in self.path):
                error = OpenApiResponse(ErrorSerializer, description=description)
                body = self._get_response_for_code(error, str(status), direction=direction)  # type: ignore[no-untyped-call]
                bodies.setdefault(str(status), body)
        return bodies


def one_address_each(endpoints: list[tuple[str, str, str, Any]]) -> list[tuple[str, str, str, Any]]:
    """Every address works with and without its slash; the schema names one: without it below the monitor only."""
    return [endpoint for endpoint in endpoints if endpoint[0].endswith("/") != bool(BELOW_MONITOR.search(endpoint[0]))]
