"""Every address of the site that Django answers."""

from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView

from actionlog_site import health

handler400 = "access.error_pages.bad_request"
handler403 = "access.error_pages.permission_denied"
handler404 = "access.error_pages.page_not_found"
handler500 = "access.error_pages.server_error"

urlpatterns = [
    path("", include("access.urls")),
    path("", include("analytics.urls")),
    path("", include("resolutions.urls")),
    path("", include("engines.urls")),
    path("", include("attempts.urls")),
    path("favicon.ico", RedirectView.as_view(url=static("actionlog/icon.svg"))),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("api/", include("actionlog_site.openapi.urls")),
    path("api/", include("attempts.api.urls")),
    path("api/", include("engines.api.urls")),
    path("api/", include("resolutions.api.urls")),
    path("api/", include("analytics.api.urls")),
    # One way in, so that one limit on guessing passwords holds.
    path("admin/login/", RedirectView.as_view(pattern_name="sign-in", query_string=True)),
    path("admin/", admin.site.urls),
]
