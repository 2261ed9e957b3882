"""The view incident_timelines for analysts: resolution attempts, attempts and steps in one account, in time order.

It reads columns of resolution_attempts, action_attempts and action_logs. A later migration, here or in attempts, that
changes the type of such a column or drops it must drop this view first and create it again afterwards (see attempts
0002). Adding a column, an index or a constraint needs none of that.
"""

from django.db import migrations

INCIDENT_TIMELINES = """
CREATE VIEW incident_timelines AS
WITH steps AS (
    SELECT
        attempts.incident_id, attempts.resolution_id, attempts.attempt_id, logs.sequence, attempts.action_id,
        attempts.action_type, attempts.target, attempts.engine, attempts.environment, logs.step, logs.status,
        logs.details,
        -- A step that told no time stands after the steps before it, and not before the start of its attempt.
        coalesce(
            logs.timestamp,
            max(logs.timestamp) OVER (
                PARTITION BY attempts.incident_id, logs.attempt_id ORDER BY logs.sequence
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            ),
            attempts.effective_started_at
        ) AS happened_at
    FROM action_logs AS logs
    JOIN action_attempts AS attempts ON attempts.attempt_id = logs.attempt_id
),
account AS (
    SELECT
        incident_id, effective_started_at AS happened_at, 0 AS place, 'resolution_attempt' AS kind,
        resolution_id, NULL::uuid AS attempt_id, NULL::integer AS sequence,
        NULL::text AS action_id, NULL::text AS action_type, NULL::text AS target,
        engine::text AS engine, environment::text AS environment,
        title, NULL::text AS step, coalesce(status, 'in_progress')::text AS status,
        abandoned_at IS NOT NULL AND coalesce(status, 'in_progress') = 'in_progress' AS abandoned,
        completed_at, NULL::text AS error_type, NULL::text AS error_message, NULL::jsonb AS details
    FROM resolution_attempts
    UNION ALL
    SELECT
        incident_id, effective_started_at, 1, 'action_attempt',
        resolution_id, attempt_id, NULL, action_id, action_type, target, engine, environment,
        NULL, NULL, coalesce(status, 'in_progress'),
        abandoned_at IS NOT NULL AND coalesce(status, 'in_progress') IN ('pending', 'in_progress'),
        completed_at, error_type, error_message, NULL
    FROM action_attempts
    UNION ALL
    SELECT
        incident_id, happened_at, 2, 'step',
        resolution_id, attempt_id, sequence, action_id, action_type, target, engine, environment,
        NULL, step, status, NULL, NULL, NULL, NULL, details
    FROM steps
)
SELECT
    incident_id, happened_at, kind, resolution_id, attempt_id, sequence, action_id, action_type, target, engine,
    environment, title, step, status, abandoned, completed_at, error_type, error_message, details
FROM account
ORDER BY incident_id, happened_at, place, resolution_id, attempt_id, sequence;

COMMENT ON VIEW incident_timelines IS
    'Resolution attempts, action attempts and steps of each incident in time order; select one incident_id.';
"""


class Migration(migrations.Migration):
    dependencies = [("resolutions", "0001_initial"), ("attempts", "0001_initial")]

    operations = [migrations.RunSQL(INCIDENT_TIMELINES, "DROP VIEW incident_timelines")]
