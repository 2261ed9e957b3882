"""The schema (YAML, or JSON with ?format=json) and its page, below /api/; read by whoever may read."""

from actionlog_site.openapi.views import Docs, Schema
from attempts.api.addresses import with_or_without_slash

urlpatterns = [
    *with_or_without_slash("schema", Schema.as_view(), "api-schema"),
    *with_or_without_slash("docs", Docs.as_view(), "api-docs"),
]
