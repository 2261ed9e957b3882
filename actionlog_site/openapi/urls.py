"""The schema (JSON, or YAML with ?format=yaml) and its page, below /api/; read by whoever may read."""

from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from attempts.api.addresses import with_or_without_slash

urlpatterns = [
    *with_or_without_slash("schema", SpectacularAPIView.as_view(), "api-schema"),
    *with_or_without_slash("docs", SpectacularSwaggerView.as_view(url_name="api-schema"), "api-docs"),
]
