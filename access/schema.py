"""Tells drf-spectacular about our authentication. Imported by apps.py, which is what registers it."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The security scheme of API keys. That of the session cookie is drf-spectacular's own."""

    target_class = "access.authentication.BearerAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key with the scope of the operation: ingest to write, read to read, operate "
            "to decide as an operator does.",
        }
