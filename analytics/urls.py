"""The addresses of the dashboard, included at the root of the site."""

from django.urls import path

from analytics import views

urlpatterns = [
    path("", views.dashboard, name="dashboard"),
    path("dashboard/figures/", views.figures, name="dashboard-figures"),
]
