"""Finds the resolution attempts on one type of incident in the order of their start. Made while others go on recording; one that was
interrupted leaves an invalid index, which is dropped before it is made anew."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("resolutions", "0006_verdict_view")]

    operations = [
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS resolution_attempts_by_type", migrations.RunSQL.noop),
        AddIndexConcurrently(
            "resolutionattempt",
            models.Index(
                fields=["incident_type", "effective_started_at"],
                condition=models.Q(incident_type__isnull=False),
                name="resolution_attempts_by_type",
            ),
        ),
    ]
