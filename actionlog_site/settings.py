"""Django settings. Everything that differs between installations comes from the environment."""

import os
from datetime import timedelta
from importlib.metadata import distribution

from actionlog_site.database import database_settings
from actionlog_site.embedded_postgres import running_url
from actionlog_site.home import BASE_DIR, actionlog_home
from actionlog_site.numbers import positive_number
from actionlog_site.secret_key import secret_key

ACTIONLOG_HOME = actionlog_home()

DEBUG = False
SECRET_KEY = os.environ.get("SECRET_KEY") or secret_key(ACTIONLOG_HOME)
# Marks of redacted values are keyed with this: when it changes, the same secret gets another mark.
REDACTION_KEY = os.environ.get("REDACTION_KEY") or SECRET_KEY
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]").split(",")
CSRF_TRUSTED_ORIGINS = [origin for origin in os.environ.get("CSRF_TRUSTED_ORIGINS", "").split(",") if origin]

# "postgresql:///actionlog" is never connected to by the commands that need no database, such as mypy's plugin.
DATABASES = {
    "default": database_settings(
        os.environ.get("DATABASE_URL") or running_url(ACTIONLOG_HOME) or "postgresql:///actionlog"
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "channels",
    "rest_framework",
    "django_filters",
    "django_htmx",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "access",
    "attempts",
    "engines",
    "resolutions",
    "analytics",
    "actionlog_site",
]

MIDDLEWARE = [
    "actionlog_site.security.content_security_policy",
    "django.middleware.security.SecurityMiddleware",
    "access.middleware.well_formed_address",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "actionlog_site.urls"
ASGI_APPLICATION = "actionlog_site.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
# Plotly's wheel brings the JavaScript of the charts, but not as a Django app.
STATICFILES_DIRS = [("plotly", str(distribution("plotly").locate_file("plotly/package_data")))]
# Served from the installed packages: no collectstatic step between a pull and a run.
WHITENOISE_USE_FINDERS = True

LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "dashboard"
LOGOUT_REDIRECT_URL = "sign-in"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

REST_FRAMEWORK = {
    # Bearer first: its challenge is what a 401 says.
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "access.authentication.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["access.permissions.MayRead"],
    "EXCEPTION_HANDLER": "access.errors.exception_handler",
    "DEFAULT_SCHEMA_CLASS": "actionlog_site.openapi.reading.ReadSchema",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Actionlog",
    "DESCRIPTION": "The flight recorder for AI engines that resolve production incidents.",
    "VERSION": "0.1.0",
    # The version whose schemas are those of JSON Schema, which is what msgspec writes.
    "OAS_VERSION": "3.1.0",
    "SERVE_PERMISSIONS": ["access.permissions.MayRead"],
    "SERVE_INCLUDE_SCHEMA": False,
    "PREPROCESSING_HOOKS": ["actionlog_site.openapi.reading.one_address_each"],
    "POSTPROCESSING_HOOKS": ["actionlog_site.openapi.writing.add_write_operations"],
    # The page's scripts come from the installed package, not from another site.
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# What one request may carry (attempts.limits reads them): bytes, documents, levels of nesting.
ACTIONLOG_MAX_DOCUMENT_BYTES = 8 * 1024 * 1024
ACTIONLOG_MAX_REQUEST_BYTES = 16 * 1024 * 1024
ACTIONLOG_MAX_DOCUMENTS = 10_000
ACTIONLOG_MAX_NESTING = 100

# A resolution attempt that begins this soon after an earlier one had resolved the same incident has reopened it. After
# a change, `manage.py rebuild_metrics` judges again what is on record.
REOPEN_WITHIN = timedelta(hours=positive_number("REOPEN_WITHIN_HOURS", default=24, most=24 * 365))
