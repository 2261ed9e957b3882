"""The Content-Security-Policy: on every answer, loosened for the API documentation alone."""

import pytest
from django.contrib.auth.models import User
from django.test import AsyncClient, Client

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
