"""The one decorator of every page: who may open it, and how it may be kept. The API has authentication.py."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import HttpResponseClientRefresh
from django_htmx.middleware import HtmxDetails

Arguments = ParamSpec("Arguments")


class PageRequest(HttpRequest):
    """A request as HtmxMiddleware hands it on."""

    htmx: HtmxDetails


Page = Callable[Concatenate[PageRequest, Arguments], HttpResponse]


def page(view: Page[Arguments]) -> Page[Arguments]:
    """A page for signed-in users: others are led to /sign-in/?next=. Only read, and never kept by a cache.

    A fragment asked for after the session has ended reloads the page around it, which then leads to the sign-in.
    """

    return require_safe(_for_signed_in(view))


def form_page(view: Page[Arguments]) -> Page[Arguments]:
    """A page that also takes the form on it, by POST. What the user may change is the view's question."""
    return require_http_methods(["GET", "HEAD", "POST"])(_for_signed_in(view))


def _for_signed_in(view: Page[Arguments]) -> Page[Arguments]:
    @never_cache
    @wraps(view)
    def answer(request: PageRequest, *args: Arguments.args, **kwargs: Arguments.kwargs) -> HttpResponse:
        if request.user.is_authenticated and request.user.is_active:
            return view(request, *args, **kwargs)
        if request.htmx:
            return HttpResponseClientRefresh()
        return redirect_to_login(request.get_full_path())

    return cast("Page[Arguments]", answer)
