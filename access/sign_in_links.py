"""Links that sign a user in once, without a password: issued by a command, used by the view in views.py.

A link is used by POST, never by GET: chat programs and mail scanners fetch every address they see, and would use it up
before its reader does. GET therefore shows a page with one button.
"""

import secrets
from datetime import timedelta
from typing import Final

from django.contrib.auth.models import User
from django.db import connection
from django.db.models.functions import Now
from django.urls import reverse

from access.keys import digest
from access.models import SignInLink

LIFETIME: Final = timedelta(minutes=15)


def issue_sign_in_link(user: User) -> str:
    """A fresh link for this user, as a path (/sign-in/link/TOKEN/). It works once, within 15 minutes."""
    SignInLink.objects.filter(expires_at__lt=Now() - timedelta(days=1)).delete()
    token = secrets.token_urlsafe(32)
    SignInLink.objects.create(digest=digest(token), user=user, expires_at=Now() + LIFETIME)
    return reverse("sign-in-link", args=[token])


def use_sign_in_link(token: str) -> User | None:
    """Use the link up. The user to sign in, or None when it is unknown, used, expired, or the user is inactive.

    One UPDATE, so that of two requests with the same link one gets None.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE access_sign_in_links SET used_at = now()
            WHERE digest = %s AND used_at IS NULL AND expires_at > now()
            RETURNING user_id
            """,
            [digest(token)],
        )
        row = cursor.fetchone()
    return User.objects.filter(pk=row[0], is_active=True).first() if row else None
