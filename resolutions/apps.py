from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ResolutionsConfig(AppConfig):
    name = "resolutions"
    # Of the default permissions of our models, those that the group operators gets.
    operators_may = ("add_verdict",)

    def ready(self) -> None:
        from access.receivers import investigators_may_view, operators_may_act

        post_migrate.connect(investigators_may_view, sender=self)
        post_migrate.connect(operators_may_act, sender=self)
