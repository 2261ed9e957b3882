"""Whether the process is up, and whether it can do its work. Open to all; the answers tell nothing else."""

from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from access.errors import ApiError


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 while the process answers. Asks nothing of the database: a restart does not bring that back."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when the database answers and has every migration; else 503 with the reason."""
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except (DatabaseError, InterfaceError):
        return _not_ready("The database cannot be reached.")
    if missing:
        return _not_ready(f"{len(missing)} migrations are not applied. Run: python manage.py migrate")
    return JsonResponse({"status": "ready"})


def _not_ready(message: str) -> JsonResponse:
    error = ApiError(503, message, headers={"Retry-After": "1"})
    return JsonResponse(error.body(), status=error.status, headers=error.headers)
