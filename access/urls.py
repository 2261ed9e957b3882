"""The addresses of access, included at the root of the site."""

from django.urls import path

from access import views

urlpatterns = [
    path("sign-in/", views.SignIn.as_view(), name="sign-in"),
    path("sign-in/link/<str:token>/", views.SignInLinkPage.as_view(), name="sign-in-link"),
    path("sign-out/", views.SignOut.as_view(), name="sign-out"),
]
