"""The addresses of the dashboard and of the statistics, included at the root of the site."""

from django.urls import path

from analytics import parts, views
from analytics.pages.statistics import statistics_page

urlpatterns = [
    path("", views.dashboard, name="dashboard"),
    path("dashboard/figures/", views.figures, name="dashboard-figures"),
    path("attempts/<uuid:attempt_id>/comparison/", parts.attempt_comparison, name="attempt-comparison"),
    path("thrash/", parts.incident_thrash_part, name="incident-thrash"),
    path("statistics/", statistics_page, name="statistics-page"),
    path("confidence/", statistics_page, name="confidence-page"),
    path("statistics/actions/", statistics_page, name="action-type-page"),
]
