"""Finds the attempts of one action type, and the failures of one fingerprint, in the order of their start. Made while
others go on recording; one that was interrupted leaves an invalid index, which is dropped before it is made anew."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


def drop(name: str) -> migrations.RunSQL:
    return migrations.RunSQL(f"DROP INDEX CONCURRENTLY IF EXISTS {name}", migrations.RunSQL.noop)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("attempts", "0004_verdicts")]

    operations = [
        drop("action_attempts_by_type"),
        AddIndexConcurrently(
            "actionattempt",
            models.Index(fields=["action_type", "effective_started_at"], name="action_attempts_by_type"),
        ),
        drop("action_attempts_by_fingerprint"),
        AddIndexConcurrently(
            "actionattempt",
            models.Index(
                fields=["fingerprint", "effective_started_at"],
                condition=models.Q(fingerprint__isnull=False),
                name="action_attempts_by_fingerprint",
            ),
        ),
    ]
