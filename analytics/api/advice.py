"""Advice before acting, over HTTP. What it answers is defined in analytics.advice.answer."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import msgspec
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from msgspec import Raw
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from access.errors import ApiError
from analytics.advice.answer import AdviceAnswer
from analytics.advice.queries import Case, advice_on
from analytics.api.parameters import DimensionText
from analytics.models import ResolutionMetric
from analytics.windows import MAX_DAYS, window_named
from attempts.api.reading import ReadView
from attempts.canonical import decode_exact
from attempts.decoding import decode_json
from attempts.records import MAX_TEXT
from attempts.redaction import triggers_in
from attempts.validation import Fault, Suspicion, check_nesting, clean_json

DEFAULT_DAYS_BACK: Final = 90
MOST_PARAMETER_CHARACTERS: Final = 16 * 1024

_any_json: Final = msgspec.json.Decoder()


class AdviceParameters(serializers.Serializer[Any]):
    """The case that advice is asked for; action_type or incident_type must be told."""

    incident_type = DimensionText("this type of incident")
    action_type = serializers.CharField(
        required=False,
        allow_blank=True,
        trim_whitespace=False,
        max_length=MAX_TEXT,
        help_text="The action that is thought of: its chance of success is estimated.",
    )
    environment = DimensionText("this environment")
    parameters = serializers.CharField(
        required=False,
        allow_blank=True,
        trim_whitespace=False,
        max_length=MOST_PARAMETER_CHARACTERS,
        help_text="Those of the action that is thought of: a JSON object.",
    )
    incident_id = serializers.CharField(
        required=False,
        allow_blank=True,
        trim_whitespace=False,
        max_length=MAX_TEXT,
        help_text="The incident that is worked on: what was tried in it already counts more.",
    )
    days_back = serializers.IntegerField(
        default=DEFAULT_DAYS_BACK,
        min_value=1,
        max_value=MAX_DAYS,
        help_text="How many times 24 hours to go back for evidence.",
    )

    def validate_parameters(self, text: str) -> Mapping[str, Any]:
        return _parameters(text)


class AdviceView(ReadView):
    queryset = ResolutionMetric.objects.all()
    query_parameters: ClassVar = {"retrieve": tuple(AdviceParameters().fields)}

    @extend_schema(operation_id="advice_read", parameters=[AdviceParameters], responses=AdviceAnswer)
    def retrieve(self, request: Request) -> Response:
        """What worked in such a case, how often and for how long, how it fails, and the chance of a proposed action.

        Without any evidence has_evidence is false, and message says so.
        """
        asked = AdviceParameters(data=request.query_params)
        asked.is_valid(raise_exception=True)
        told = asked.validated_data
        case = Case(
            action_type=told.get("action_type") or None,
            incident_type=told.get("incident_type") or None,
            environment=told.get("environment") or None,
            parameters=told.get("parameters") or {},
            incident_id=told.get("incident_id") or None,
        )
        if case.action_type is None and case.incident_type is None:
            raise ApiError(400, "Send action_type, incident_type, or both.", field="action_type", path="action_type")
        return Response(advice_on(case, window_named(f"{told['days_back']}d", now=timezone.now())))


def _parameters(text: str) -> Mapping[str, Any]:
    """As they would be stored: without secrets, so that they compare. Raises ApiError."""
    source = text.strip().encode()
    if source in (b"", b"null"):
        return {}
    try:
        check_nesting(source, "parameters")
        decode_json(source, _any_json, "parameters")
        suspicion = Suspicion(texts=True, triggers=triggers_in(source.lower()), numbers=True)
        cleaned: Mapping[str, Any] = decode_exact(clean_json(Raw(source), "parameters", "an object", suspicion))
    except Fault as fault:
        raise ApiError(400, fault.message, field="parameters", path=fault.path) from None
    return cleaned
