"""Finds the failures on one type of incident in the order of their start. Made while others go on recording; one that was
interrupted leaves an invalid index, which is dropped before it is made anew."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("attempts", "0005_indexes_by_type_and_fingerprint")]

    operations = [
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS action_attempts_failures", migrations.RunSQL.noop),
        AddIndexConcurrently(
            "actionattempt",
            models.Index(
                fields=["incident_type", "effective_started_at"],
                condition=models.Q(incident_type__isnull=False, status="failed"),
                name="action_attempts_failures",
            ),
        ),
    ]
