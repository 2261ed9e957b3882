"""The addresses at which attempts are read, below /api/."""

from attempts.api.addresses import with_or_without_slash
from attempts.api.views import AttemptViewSet

urlpatterns = [
    *with_or_without_slash("action-attempts", AttemptViewSet.as_view({"get": "list"}), "action-attempts"),
    *with_or_without_slash(
        "action-attempts/<any_uuid:attempt_id>", AttemptViewSet.as_view({"get": "retrieve"}), "action-attempt"
    ),
]
