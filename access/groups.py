"""Groups of users. What they may do is defined here; who belongs to them is decided in the admin."""

from typing import Any, Final

from django.apps import AppConfig
from django.apps.registry import Apps

# Staff users of this group see everything the admin shows of the record, and change nothing.
INVESTIGATORS: Final = "investigators"
# Users of this group may do on pages and by API what the apps of the record let operators do. They need not be staff.
OPERATORS: Final = "operators"


def let_investigators_view(app: AppConfig, *, apps: Apps, using: str) -> None:
    """Give the group, made when missing, permission to view every model of this app. Again changes nothing.

    Does nothing while the tables of django.contrib.auth do not exist. A permission that was taken from the group comes
    back with the next migration: the group is what this says it is.
    """
    _grant(INVESTIGATORS, app, {"codename__startswith": "view_"}, apps=apps, using=using)


def let_operators_act(app: AppConfig, *, apps: Apps, using: str) -> None:
    """Give the group, made when missing, the permissions that the app's operators_may names. Again changes nothing."""
    names = getattr(app, "operators_may", ())
    if names:
        _grant(OPERATORS, app, {"codename__in": names}, apps=apps, using=using)


def _grant(name: str, app: AppConfig, chosen: dict[str, Any], *, apps: Apps, using: str) -> None:
    try:
        groups: Any = apps.get_model("auth", "Group").objects.using(using)
        permissions: Any = apps.get_model("auth", "Permission").objects.using(using)
    except LookupError:
        return
    group, _ = groups.get_or_create(name=name)
    group.permissions.add(*permissions.filter(content_type__app_label=app.label, **chosen))
