"""Settings that would leave an installation open are told by manage.py check."""

from typing import Any

from django.core.checks import run_checks


def ours() -> list[str | None]:
    return [message.id for message in run_checks() if (message.id or "").startswith("access.")]


def test_sound_settings_pass(settings: Any) -> None:
    settings.SECRET_KEY = "x" * 32
    assert ours() == []


def test_a_short_secret_key_is_an_error(settings: Any) -> None:
    settings.SECRET_KEY = "x" * 31
    assert ours() == ["access.E001"]


def test_allowing_every_host_is_a_warning(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    assert ours() == ["access.W001"]
