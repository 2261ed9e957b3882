"""The API routes of analytics, relative to /api/. Each answers with or without its trailing slash."""

from django.urls import re_path

from analytics.api.views import ActionStatisticsView, MetricsView

urlpatterns = [
    re_path(r"^resolution-monitor/metrics/?$", MetricsView.as_view(), name="metrics"),
    re_path(r"^action-attempts/statistics/?$", ActionStatisticsView.as_view(), name="action-statistics"),
]
