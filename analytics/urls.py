"""The addresses of the dashboard, included at the root of the site."""

from django.urls import path

from analytics import parts, views
from analytics.advice.views import what_worked

urlpatterns = [
    path("", views.dashboard, name="dashboard"),
    path("dashboard/figures/", views.figures, name="dashboard-figures"),
    path("attempts/<uuid:attempt_id>/comparison/", parts.attempt_comparison, name="attempt-comparison"),
    path("thrash/", parts.incident_thrash_part, name="incident-thrash"),
    path("advice/what-worked/", what_worked, name="what-worked"),
]
