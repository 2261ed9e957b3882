"""The address of the page of engine instances, included at the root of the site."""

from django.urls import path

from engines import views

urlpatterns = [path("engines/", views.engines_page, name="engines")]
