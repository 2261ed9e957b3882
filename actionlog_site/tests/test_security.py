"""The Content-Security-Policy: on every answer, loosened for the API documentation alone."""

from importlib.metadata import distribution
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.test import AsyncClient, Client

from actionlog_site.security import POLICY

pytestmark = [pytest.mark.django_db, pytest.mark.urls("access.tests.urls")]


def directives(policy: str) -> dict[str, list[str]]:
    return {words[0]: words[1:] for words in (part.split() for part in policy.split(";"))}


@pytest.mark.parametrize("address", ["/sign-in/", "/nowhere/", "/failing/bug/", "/api/echo/", "/sign-in/?x=%ff"])
async def test_every_answer_has_the_policy(address: str) -> None:
    answer = await AsyncClient(raise_request_exception=False).get(address)
    policy = directives(answer.headers["Content-Security-Policy"])
    assert policy["default-src"] == ["'self'"]
    assert policy["frame-ancestors"] == ["'none'"]
    assert "script-src" not in policy


def test_only_the_api_documentation_runs_scripts_of_its_own() -> None:
    client = Client()
    client.force_login(User.objects.create_user("operator"))
    docs = client.get("/api/docs/")
    assert docs.status_code == 200
    assert directives(docs.headers["Content-Security-Policy"])["script-src"] == ["'self'", "'unsafe-inline'"]
    # Everything it loads comes from us.
    assert "https://" not in docs.content.decode()


@pytest.mark.urls("actionlog_site.urls")
@pytest.mark.parametrize("address", ["/statistics/", "/confidence/", "/statistics/actions/?action_type=restart"])
def test_charts_need_no_looser_policy_than_any_page(address: str) -> None:
    client = Client()
    client.force_login(User.objects.create_user("operator"))
    page = client.get(address)
    assert page.status_code == 200
    assert page.headers["Content-Security-Policy"] == POLICY


def test_what_draws_charts_comes_from_the_installed_package() -> None:
    found = finders.find("plotly/plotly.min.js")
    assert found is not None
    assert Path(found) == Path(str(distribution("plotly").locate_file("plotly/package_data/plotly.min.js")))
