from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    name = "analytics"

    def ready(self) -> None:
        from analytics import receivers
        from attempts.signals import attempts_recorded
        from resolutions.signals import resolutions_recorded

        attempts_recorded.connect(receivers.count_attempts)
        resolutions_recorded.connect(receivers.count_resolutions)
