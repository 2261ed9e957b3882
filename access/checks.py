"""System checks: settings that would leave an installation open. Run by every manage.py command."""

from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

SHORTEST_SECRET: Final = 32


@register("security")
def check_secret_key(**kwargs: Any) -> list[CheckMessage]:
    """SECRET_KEY signs the sessions and keys the marks of redacted values: a short one can be guessed."""
    if len(settings.SECRET_KEY) >= SHORTEST_SECRET:
        return []
    return [
        Error(
            f"SECRET_KEY has fewer than {SHORTEST_SECRET} characters.",
            hint="Set it to the output of: python -c 'import secrets; print(secrets.token_urlsafe(48))'",
            id="access.E001",
        )
    ]


@register("security")
def check_allowed_hosts(**kwargs: Any) -> list[CheckMessage]:
    """Any host name allowed means that a foreign page can reach us through a name that it points at our address."""
    if "*" not in settings.ALLOWED_HOSTS:
        return []
    return [
        Warning(
            "ALLOWED_HOSTS allows every host name, which opens the site to DNS rebinding.",
            hint="Name the hosts that the site is reached by, separated by commas.",
            id="access.W001",
        )
    ]
