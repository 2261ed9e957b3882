"""The addresses of the pages of attempts, included at the root of the site."""

from django.urls import path

from attempts import views

urlpatterns = [
    path("attempts/<uuid:attempt_id>/", views.attempt_page, name="attempt"),
]
