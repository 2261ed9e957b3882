"""What access does when others send a signal. Connected in the apps.py of the apps concerned."""

from typing import Any

from django.apps import AppConfig
from django.apps import apps as registry
from django.apps.registry import Apps

from access.groups import let_investigators_view, let_operators_act


def investigators_may_view(sender: AppConfig, *, using: str, apps: Apps = registry, **_: Any) -> None:
    """After the migrations of an app whose tables belong to the record, and after a flush, which names no apps."""
    let_investigators_view(sender, apps=apps, using=using)


def operators_may_act(sender: AppConfig, *, using: str, apps: Apps = registry, **_: Any) -> None:
    """After the migrations of an app that has something for operators to do, and after a flush."""
    let_operators_act(sender, apps=apps, using=using)
