"""JSON as msgspec writes it: structs, times and UUIDs as they are, and free-form values byte for byte as stored."""

from collections.abc import Mapping
from typing import Any

import msgspec
from django.utils.functional import Promise
from rest_framework.renderers import BaseRenderer


class MsgspecRenderer(BaseRenderer):
    """Renders what msgspec can encode, and the lazy texts and mappings that Django REST framework adds."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        return b"" if data is None else msgspec.json.encode(data, enc_hook=_plain)


def _plain(value: object) -> object:
    if isinstance(value, str | Promise):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be sent as JSON.")
