from django.apps import AppConfig


class ActionlogSiteConfig(AppConfig):
    name = "actionlog_site"
