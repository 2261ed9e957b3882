"""Incidents are counted as well, and resolution attempts whose incident came back count against their verified rate.

Of what is recorded already neither was worked out: the buckets that it concerns are put on the recount list, so that
answers which cover them say that they are not exact until `manage.py rebuild_metrics` has run.
"""

from django.db import migrations

NOTE = """
    INSERT INTO metric_recounts (bucket_start, reason, noted_at)
    SELECT DISTINCT date_bin('15 minutes', moment, 'epoch'), 'incidents came to be counted', now()
    FROM resolution_attempts,
         unnest(ARRAY[effective_started_at, coalesce(completed_at, started_at, received_at)]) AS moment
    WHERE status IN ('resolved', 'failed', 'escalated')
    ON CONFLICT DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [("analytics", "0007_failure_functions"), ("resolutions", "0005_resolutions_by_end")]

    operations = [
        migrations.RunSQL(NOTE, "DELETE FROM resolution_metrics WHERE subject = 'incident'"),
    ]
