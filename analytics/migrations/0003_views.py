"""The view failures_with_pattern for analysts: every failed attempt, with the pattern it belongs to where there is one.

It reads columns of action_attempts, failure_fingerprints and failure_patterns. A later migration, here or in attempts,
that changes the type of such a column or drops it must drop this view first and create it again afterwards (see
attempts 0002). Adding a column, an index or a constraint needs none of that.
"""

from django.db import migrations

FAILURES_WITH_PATTERN = """
CREATE VIEW failures_with_pattern AS
SELECT
    attempts.attempt_id, attempts.action_id, attempts.action_type, attempts.incident_id, attempts.incident_type,
    attempts.environment, attempts.target, attempts.engine, attempts.engine_version, attempts.resolution_id,
    attempts.retry_of, coalesce(attempts.critical, false) AS critical, attempts.confidence,
    attempts.started_at, attempts.completed_at, attempts.effective_started_at, attempts.execution_time_seconds,
    attempts.error_type, attempts.error_message, attempts.fingerprint, attempts.fingerprint_version,
    patterns.pattern_id, patterns.template AS pattern_template, patterns.state AS pattern_state
FROM action_attempts AS attempts
LEFT JOIN failure_fingerprints AS fingerprints ON fingerprints.fingerprint = attempts.fingerprint
LEFT JOIN failure_patterns AS patterns ON patterns.pattern_id = fingerprints.pattern_id
WHERE attempts.status = 'failed';

COMMENT ON VIEW failures_with_pattern IS
    'Failed action attempts with their failure pattern; pattern_id is null where no pattern owns the fingerprint.';
"""


class Migration(migrations.Migration):
    dependencies = [("analytics", "0002_rollup_functions"), ("attempts", "0001_initial")]

    operations = [migrations.RunSQL(FAILURES_WITH_PATTERN, "DROP VIEW failures_with_pattern")]
