"""The tables of access: API keys, one-time sign-in links, sign-in tries. Writers: keys.py and the sign_in_ modules."""

from typing import Final

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

# ingest: write records. read: read everything. operate: what operators decide, such as the state of a failure pattern.
SCOPES: Final = ("ingest", "read", "operate")
DIGEST: Final = r"^[0-9a-f]{64}$"


class ApiKey(models.Model):
    """What a machine shows to be let in. Kept for ever, because records say which key recorded them.

    Only the SHA-256 digest of the key is stored (see access.keys.digest for why a fast hash is right); prefix is the
    readable start of the key, enough to recognise it in a list.
    """

    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    prefix = models.CharField(max_length=12, editable=False)
    scopes = ArrayField(models.CharField(max_length=20, choices=[(scope, scope) for scope in SCOPES]))
    engine = models.CharField(
        max_length=255, null=True, blank=True, help_text="Such a key writes only the records of this engine."
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )

    class Meta:
        db_table = "access_api_keys"
        verbose_name = "API key"
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=~Q(name=""), name="access_api_keys_name_told"),
            models.CheckConstraint(condition=Q(digest__regex=DIGEST), name="access_api_keys_digest_form"),
            models.CheckConstraint(
                condition=Q(scopes__contained_by=list(SCOPES), scopes__len__gt=0), name="access_api_keys_scopes_known"
            ),
            models.CheckConstraint(
                condition=Q(engine__isnull=True) | ~Q(engine=""), name="access_api_keys_engine_told"
            ),
            models.CheckConstraint(
                condition=Q(revoked_by__isnull=True) | Q(revoked_at__isnull=False), name="access_api_keys_revoked_when"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class SignInLink(models.Model):
    """A link that signs one user in once. Only the digest of its token is stored."""

    digest = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "access_sign_in_links"
        constraints = [
            models.CheckConstraint(condition=Q(digest__regex=DIGEST), name="access_sign_in_links_digest_form"),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="access_sign_in_links_expires_later"
            ),
        ]

    def __str__(self) -> str:
        return f"sign-in link {self.pk}"


class SignInTry(models.Model):
    """One try to sign in with a password that has not succeeded (yet).

    who is a digest of user name and address: people type passwords into the wrong field.
    """

    who = models.CharField(max_length=64)
    tried_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "access_sign_in_tries"
        indexes = [models.Index(fields=["who", "tried_at"], name="access_sign_in_tries_who")]
        constraints = [models.CheckConstraint(condition=Q(who__regex=DIGEST), name="access_sign_in_tries_who_form")]

    def __str__(self) -> str:
        return f"sign-in try {self.pk}"
