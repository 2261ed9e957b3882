"""The addresses at which engine instances are read, below /api/."""

from attempts.api.addresses import with_or_without_slash
from engines.api.views import EngineViewSet

urlpatterns = [
    *with_or_without_slash("engines", EngineViewSet.as_view({"get": "list"}), "engine-instances"),
    *with_or_without_slash(
        "engines/<any_uuid:journal_id>", EngineViewSet.as_view({"get": "retrieve"}), "engine-instance"
    ),
]
