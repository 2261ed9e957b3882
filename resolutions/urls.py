"""The addresses of the pages of incidents, included at the root of the site."""

from django.urls import path

from resolutions import verdict_pages, views

urlpatterns = [
    path("incidents/", views.incidents_page, name="incidents"),
    path("incidents/<path:incident_id>/", views.incident_page, name="incident"),
    path("resolutions/<uuid:resolution_id>/line/", views.resolution_line, name="resolution-line"),
    path("attempts/<uuid:attempt_id>/verdicts/", verdict_pages.attempt_verdicts, name="attempt-verdicts"),
    path("resolutions/<uuid:resolution_id>/verdicts/", verdict_pages.resolution_verdicts, name="resolution-verdicts"),
    path("live-feed/", views.live_feed, name="live-feed"),
    path("live-feed/rows/", views.live_feed_rows, name="live-feed-rows"),
]
