"""Finds the resolution attempts that ended in a span. Made while others go on recording; one that was interrupted leaves
an invalid index, which is dropped before it is made anew."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models.functions import Coalesce


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("resolutions", "0004_verdicts")]

    operations = [
        migrations.RunSQL(
            "DROP INDEX CONCURRENTLY IF EXISTS resolution_attempts_by_end", migrations.RunSQL.noop
        ),
        AddIndexConcurrently(
            "resolutionattempt",
            models.Index(
                Coalesce("completed_at", "started_at", "received_at"),
                condition=models.Q(("status__in", ("resolved", "failed", "escalated"))),
                name="resolution_attempts_by_end",
            ),
        ),
    ]
