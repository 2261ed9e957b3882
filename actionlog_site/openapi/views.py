"""The views that serve the schema and its page. Their errors have the one shape; a browser is shown the way in."""

from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponse, JsonResponse
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework.views import APIView


class _JsonErrors(APIView):
    """Both views would render an error as what they render: as YAML, and as a page without content."""

    def handle_exception(self, exc: Exception) -> Any:
        told = super().handle_exception(exc)
        answer = JsonResponse(told.data, status=told.status_code)
        for name, value in told.headers.items():
            answer.headers.setdefault(name, value)
        return answer


class Schema(_JsonErrors, SpectacularAPIView):
    pass


class Docs(_JsonErrors, SpectacularSwaggerView):
    url_name = "api-schema"

    def handle_exception(self, exc: Exception) -> Any:
        told: HttpResponse = super().handle_exception(exc)
        if told.status_code == 401 and "text/html" in self.request.headers.get("Accept", ""):
            return redirect_to_login(self.request.get_full_path())
        return told
