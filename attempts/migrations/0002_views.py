"""Views over the record for analysts: action_success_by_day, open_attempts; and action_log_entries for the admin.

PostgreSQL refuses to change the type of a column that a view reads, or to drop it. A later migration that does so
drops the views that read it first and creates them again afterwards (in higher apps too: resolutions and analytics have
views over these tables). Adding a column, an index or a constraint needs none of that.
"""

import django.db.models.deletion
from django.db import migrations, models

ACTION_SUCCESS_BY_DAY = """
CREATE VIEW action_success_by_day AS
WITH counted AS (
    SELECT
        action_type,
        (effective_started_at AT TIME ZONE 'UTC')::date AS day,
        count(*) AS attempts,
        count(*) FILTER (WHERE status = 'pending' AND abandoned_at IS NULL) AS pending,
        count(*) FILTER (WHERE coalesce(status, 'in_progress') = 'in_progress' AND abandoned_at IS NULL) AS in_progress,
        count(*) FILTER (
            WHERE coalesce(status, 'in_progress') IN ('pending', 'in_progress') AND abandoned_at IS NOT NULL
        ) AS abandoned,
        count(*) FILTER (WHERE status = 'success') AS success,
        count(*) FILTER (WHERE status = 'failed') AS failed,
        count(*) FILTER (WHERE status = 'skipped') AS skipped,
        count(*) FILTER (WHERE status = 'cancelled') AS cancelled
    FROM action_attempts
    GROUP BY 1, 2
)
SELECT *, success::double precision / nullif(success + failed, 0) AS success_rate FROM counted;

COMMENT ON VIEW action_success_by_day IS
    'Action attempts by type and UTC day of their effective start. success_rate = success / (success + failed).';
"""

OPEN_ATTEMPTS = """
CREATE VIEW open_attempts AS
SELECT
    attempt_id, action_id, action_type, incident_id, incident_type, environment, target, engine, resolution_id,
    coalesce(critical, false) AS critical,
    coalesce(status, 'in_progress') AS status,
    expected_seconds, started_at, effective_started_at, received_at, last_heard_at, abandoned_at,
    abandoned_at IS NOT NULL AS abandoned,
    extract(epoch FROM now() - effective_started_at)::double precision AS age_seconds,
    extract(epoch FROM now() - last_heard_at)::double precision AS silent_seconds
FROM action_attempts
-- Written as the condition of the index action_attempts_open, so that it is used.
WHERE status IN ('pending', 'in_progress') OR status IS NULL;

COMMENT ON VIEW open_attempts IS
    'Action attempts without a final outcome. abandoned: the engine went silent, and the outcome is unknown.';
"""

ACTION_LOG_ENTRIES = """
CREATE VIEW action_log_entries AS
SELECT attempt_id::text || ':' || sequence AS key, attempt_id, sequence, step, status, timestamp, details
FROM action_logs;

COMMENT ON VIEW action_log_entries IS 'Steps under a key of one column, attempt_id:sequence.';
"""


class Migration(migrations.Migration):
    dependencies = [("attempts", "0001_initial")]

    operations = [
        migrations.RunSQL(ACTION_SUCCESS_BY_DAY, "DROP VIEW action_success_by_day"),
        migrations.RunSQL(OPEN_ATTEMPTS, "DROP VIEW open_attempts"),
        migrations.RunSQL(ACTION_LOG_ENTRIES, "DROP VIEW action_log_entries"),
        migrations.CreateModel(
            name="ActionLogEntry",
            fields=[
                ("key", models.TextField(primary_key=True, serialize=False)),
                (
                    "attempt",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="log_entries",
                        to="attempts.actionattempt",
                    ),
                ),
                ("sequence", models.IntegerField()),
                ("step", models.TextField(blank=True, null=True)),
                ("status", models.TextField(blank=True, null=True)),
                ("timestamp", models.DateTimeField(blank=True, null=True)),
                ("details", models.JSONField(blank=True, null=True)),
            ],
            options={
                "verbose_name": "step",
                "db_table": "action_log_entries",
                "ordering": ["attempt_id", "sequence"],
                "managed": False,
            },
        ),
    ]
