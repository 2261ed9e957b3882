from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AnalyticsConfig(AppConfig):
    name = "analytics"
    # Of the default permissions of our models, those that the group operators gets.
    operators_may = ("change_failurepattern",)

    def ready(self) -> None:
        from access.receivers import investigators_may_view, operators_may_act
        from analytics import receivers
        from attempts.signals import attempts_recorded
        from resolutions.signals import incidents_recorded, resolutions_recorded

        attempts_recorded.connect(receivers.count_attempts)
        # After the rollups: locks are taken in one order.
        attempts_recorded.connect(receivers.count_failures)
        resolutions_recorded.connect(receivers.count_resolutions)
        incidents_recorded.connect(receivers.count_incidents)
        post_migrate.connect(investigators_may_view, sender=self)
        post_migrate.connect(operators_may_act, sender=self)
