from django.apps import AppConfig
from django.db.models.signals import post_migrate


class EnginesConfig(AppConfig):
    name = "engines"

    def ready(self) -> None:
        from access.receivers import investigators_may_view

        post_migrate.connect(investigators_may_view, sender=self)
