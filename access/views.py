"""The pages that let a user in and out."""

from typing import Any

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache

from access.sign_in_links import use_sign_in_link
from access.sign_in_tries import WINDOW, begin_try, forget_tries


class SignIn(LoginView):
    """User name and password; ?next= names the page to go on to, on this site only."""

    template_name = "access/sign_in.html"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not begin_try(username=request.POST.get("username", ""), address=_address(request)):
            response = render(request, self.template_name, {"too_many": True}, status=429)
            response.headers["Retry-After"] = str(int(WINDOW.total_seconds()))
            return response
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        forget_tries(username=self.request.POST.get("username", ""), address=_address(self.request))
        return super().form_valid(form)


class SignOut(LogoutView):
    """POST only, so that no foreign page signs a user out with an image."""


@method_decorator(never_cache, name="dispatch")
class SignInLinkPage(View):
    """GET shows a button, POST uses the link up: see sign_in_links.py for why."""

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        return render(request, "access/sign_in_link.html")

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        user = use_sign_in_link(token)
        if user is None:
            return render(request, "access/sign_in_link.html", {"refused": True}, status=410)
        login(request, user, backend="django.contrib.auth.backends.ModelBackend")
        return redirect(resolve_url(settings.LOGIN_REDIRECT_URL))


def _address(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))
