"""The addresses of the pages of what is derived, included at the root of the site."""

from django.urls import path

from analytics import parts, views
from analytics.advice.views import what_worked
from analytics.pages import failure_patterns
from analytics.pages.action_type import (
    action_type_attempts,
    action_type_page,
    action_type_parameters,
    action_type_steps,
)
from analytics.pages.capacity import capacity
from analytics.pages.confidence import confidence_page
from analytics.pages.statistics import statistics_page

urlpatterns = [
    path("", views.dashboard, name="dashboard"),
    path("dashboard/figures/", views.figures, name="dashboard-figures"),
    path("failure-patterns/", failure_patterns.patterns_page, name="failure-patterns"),
    path("failure-patterns/<uuid:pattern_id>/", failure_patterns.pattern_page, name="failure-pattern"),
    path(
        "attempts/<uuid:attempt_id>/failure-pattern/",
        failure_patterns.pattern_of_attempt_part,
        name="attempt-failure-pattern",
    ),
    path("attempts/<uuid:attempt_id>/comparison/", parts.attempt_comparison, name="attempt-comparison"),
    path("thrash/", parts.incident_thrash_part, name="incident-thrash"),
    path("advice/what-worked/", what_worked, name="what-worked"),
    path("statistics/", statistics_page, name="statistics-page"),
    path("statistics/capacity/", capacity, name="statistics-capacity"),
    path("statistics/actions/", action_type_page, name="action-type-page"),
    path("statistics/actions/parameters/", action_type_parameters, name="action-type-parameters"),
    path("statistics/actions/steps/", action_type_steps, name="action-type-steps"),
    path("statistics/actions/attempts/", action_type_attempts, name="action-type-attempts"),
    path("confidence/", confidence_page, name="confidence-page"),
]
