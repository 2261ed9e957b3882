"""The view claims_with_verdicts for analysts: every verdict beside what the engine claimed of the same thing.

It reads columns of verdicts, action_attempts and resolution_attempts. A later migration, here or in attempts, that
changes the type of such a column or drops it must drop this view first and create it again afterwards (see attempts
0002). Adding a column, an index or a constraint needs none of that.
"""

from django.db import migrations

CLAIMS_WITH_VERDICTS = """
CREATE VIEW claims_with_verdicts AS
SELECT
    verdicts.verdict_id,
    CASE WHEN verdicts.attempt_id IS NULL THEN 'resolution_attempt' ELSE 'action_attempt' END AS kind,
    verdicts.attempt_id, verdicts.resolution_id,
    coalesce(attempts.incident_id, resolutions.incident_id) AS incident_id,
    coalesce(attempts.incident_type, resolutions.incident_type) AS incident_type,
    coalesce(attempts.environment, resolutions.environment) AS environment,
    coalesce(attempts.engine, resolutions.engine) AS engine,
    coalesce(attempts.engine_version, resolutions.engine_version) AS engine_version,
    attempts.action_type,
    coalesce(attempts.status, resolutions.status, 'in_progress') AS claimed,
    verdicts.verdict, verdicts.source, verdicts.given_at, verdicts.given_by, verdicts.note, verdicts.received_at,
    row_number() OVER (
        PARTITION BY verdicts.attempt_id, verdicts.resolution_id
        ORDER BY verdicts.given_at DESC, verdicts.verdict_id DESC
    ) = 1 AS counts
FROM verdicts
LEFT JOIN action_attempts AS attempts ON attempts.attempt_id = verdicts.attempt_id
LEFT JOIN resolution_attempts AS resolutions ON resolutions.resolution_id = verdicts.resolution_id;

COMMENT ON VIEW claims_with_verdicts IS
    'Verdicts beside what was claimed. counts: it is the latest on its attempt or resolution attempt.';
"""


class Migration(migrations.Migration):
    dependencies = [("resolutions", "0005_resolutions_by_end")]

    operations = [migrations.RunSQL(CLAIMS_WITH_VERDICTS, "DROP VIEW claims_with_verdicts")]
