"""Groups of users. What they may do is defined here; who belongs to them is decided in the admin."""

from typing import Any, Final

from django.apps import AppConfig
from django.apps.registry import Apps

# Staff users of this group see everything the admin shows of the record, and change nothing.
INVESTIGATORS: Final = "investigators"


def let_investigators_view(app: AppConfig, *, apps: Apps, using: str) -> None:
    """Give the group, made when missing, permission to view every model of this app. Again changes nothing.

    Does nothing while the tables of django.contrib.auth do not exist. A permission that was taken from the group comes
    back with the next migration: the group is what this says it is.
    """
    try:
        groups: Any = apps.get_model("auth", "Group").objects.using(using)
        permissions: Any = apps.get_model("auth", "Permission").objects.using(using)
    except LookupError:
        return
    viewing = permissions.filter(content_type__app_label=app.label, codename__startswith="view_")
    group, _ = groups.get_or_create(name=INVESTIGATORS)
    group.permissions.add(*viewing)
