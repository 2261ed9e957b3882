"""Rollups by engine version too, with what verdicts say and the sum of durations.

The rows that are there keep their counts under an unknown version, and their buckets are put on the recount list: until
`manage.py rebuild_metrics` has run, answers that cover them say that they are not exact. Undone, the rows go, and every
bucket is to be recounted, since several of them may be one again.
"""

from hashlib import blake2b
from uuid import UUID

from django.db import migrations, models

ROWS_AT_A_TIME = 5000

NOTE_ALL = """
    INSERT INTO metric_recounts (bucket_start, reason, noted_at)
    SELECT DISTINCT bucket_start, 'the dimensions of the rollups were changed', now() FROM resolution_metrics
    ON CONFLICT DO NOTHING
"""

COUNTS = (
    "pending", "in_progress", "abandoned", "success", "failed", "skipped", "cancelled", "resolved", "escalated",
)  # fmt: skip
MORE_COUNTS = ("worked", "no_effect", "made_worse", "reopened")


def function(dimensions: tuple[str, ...], counts: tuple[str, ...], sums: tuple[str, ...]) -> str:
    """add_to_resolution_metrics, as in 0002, for these columns."""
    added = (*counts, *sums)
    texts = ", ".join(f"{name} text" for name in dimensions)
    columns = [*(f"{name} bigint" for name in counts), *(f"{name} numeric" for name in sums)]
    updates = ", ".join(f"{name} = stored.{name} + coalesce(delta.{name}, 0)" for name in added)
    return f"""
CREATE OR REPLACE FUNCTION add_to_resolution_metrics(deltas json) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    delta record;
BEGIN
    FOR delta IN
        SELECT * FROM json_to_recordset(deltas) AS element (
            bucket_start timestamptz, {texts}, dimensions_digest uuid, {", ".join(columns)},
            bins integer[], added integer[]
        )
    LOOP
        LOOP
            UPDATE resolution_metrics AS stored
               SET {updates}, durations = add_to_histogram(stored.durations, delta.bins, delta.added)
             WHERE stored.bucket_start = delta.bucket_start
               AND stored.dimensions_digest = delta.dimensions_digest;
            EXIT WHEN FOUND;
            -- Another recorder may insert it meanwhile: then this inserts nothing, and the next turn updates.
            INSERT INTO resolution_metrics (
                bucket_start, {", ".join(dimensions)}, dimensions_digest, {", ".join(added)}, durations
            ) VALUES (
                delta.bucket_start, {", ".join(f"delta.{name}" for name in dimensions)}, delta.dimensions_digest,
                {", ".join(f"coalesce(delta.{name}, 0)" for name in added)},
                add_to_histogram('{{}}', delta.bins, delta.added)
            ) ON CONFLICT (bucket_start, dimensions_digest) DO NOTHING;
            EXIT WHEN FOUND;
        END LOOP;
    END LOOP;
END
$$
"""


BEFORE = function(("subject", "action_type", "incident_type", "engine", "environment"), COUNTS, ())
AFTER = function(
    ("subject", "action_type", "incident_type", "engine", "engine_version", "environment"),
    (*COUNTS, *MORE_COUNTS),
    ("duration_microseconds",),
)


def give_digests(apps, schema_editor):
    """Each row's digest, now that its dimensions are one more."""
    metrics = apps.get_model("analytics", "ResolutionMetric").objects.using(schema_editor.connection.alias)
    names = ("subject", "action_type", "incident_type", "engine", "engine_version", "environment")
    last = 0
    while rows := list(metrics.filter(id__gt=last).order_by("id")[:ROWS_AT_A_TIME]):
        for row in rows:
            text = "\0".join(getattr(row, name) for name in names)
            row.dimensions_digest = UUID(bytes=blake2b(text.encode(), digest_size=16).digest())
        metrics.bulk_update(rows, ["dimensions_digest"], batch_size=1000)
        last = rows[-1].id


class Migration(migrations.Migration):

    dependencies = [
        ('analytics', '0004_room_for_updates'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='resolutionmetric',
            name='resolution_metrics_subject_known',
        ),
        migrations.RemoveConstraint(
            model_name='resolutionmetric',
            name='resolution_metrics_counts_not_negative',
        ),
        migrations.AddField(
            model_name='resolutionmetric',
            name='duration_microseconds',
            field=models.DecimalField(decimal_places=0, default=0, max_digits=40),
        ),
        migrations.AddField(
            model_name='resolutionmetric',
            name='engine_version',
            field=models.CharField(blank=True, max_length=255),
        ),
        migrations.AddField(
            model_name='resolutionmetric',
            name='made_worse',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='resolutionmetric',
            name='no_effect',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='resolutionmetric',
            name='reopened',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='resolutionmetric',
            name='worked',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name='resolutionmetric',
            name='subject',
            field=models.CharField(choices=[('attempt', 'Attempt'), ('resolution', 'Resolution'), ('incident', 'Incident')], max_length=16),
        ),
        migrations.AddConstraint(
            model_name='resolutionmetric',
            constraint=models.CheckConstraint(condition=models.Q(('subject__in', ['attempt', 'resolution', 'incident'])), name='resolution_metrics_subject_known'),
        ),
        migrations.AddConstraint(
            model_name='resolutionmetric',
            constraint=models.CheckConstraint(condition=models.Q(('abandoned__gte', 0), ('cancelled__gte', 0), ('duration_microseconds__gte', 0), ('escalated__gte', 0), ('failed__gte', 0), ('in_progress__gte', 0), ('made_worse__gte', 0), ('no_effect__gte', 0), ('pending__gte', 0), ('reopened__gte', 0), ('resolved__gte', 0), ('skipped__gte', 0), ('success__gte', 0), ('worked__gte', 0)), name='resolution_metrics_counts_not_negative'),
        ),
        migrations.RunSQL(AFTER, BEFORE),
        migrations.RunSQL(NOTE_ALL, "DELETE FROM resolution_metrics"),
        migrations.RunPython(give_digests, migrations.RunPython.noop),
        migrations.RunSQL(migrations.RunSQL.noop, NOTE_ALL),
    ]
