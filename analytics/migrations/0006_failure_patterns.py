"""What patterns own and what is counted of them: keys, totals, counts by time and by incident, history.

Nothing wrote patterns or fingerprints before this, so the tables hold none; what somebody put there by hand goes. The
failures that are recorded already have no patterns until `manage.py rebuild_metrics` has run: their buckets are put on
the recount list, so that answers which cover them say until then that they are not exact.
"""

import django.db.models.deletion
from django.db import migrations, models


# Not DELETE: a table whose foreign keys wait to be checked until the end of the transaction cannot be altered in it.
EMPTY = "TRUNCATE failure_fingerprints, failure_patterns"

# The totals change with every failure. With room, the next version of a row stays on its page and touches no index.
ROOM = """
    ALTER TABLE failure_patterns SET (fillfactor = 40);
    ALTER TABLE failure_fingerprints SET (fillfactor = 40);
    ALTER TABLE failure_counts SET (fillfactor = 70)
"""
NO_ROOM = """
    ALTER TABLE failure_patterns RESET (fillfactor);
    ALTER TABLE failure_fingerprints RESET (fillfactor)
"""

NOTE_FAILURES = """
    INSERT INTO metric_recounts (bucket_start, reason, noted_at)
    SELECT DISTINCT date_bin('15 minutes', effective_started_at, '1970-01-01Z'), 'its failures have no patterns', now()
    FROM action_attempts WHERE status = 'failed'
    ON CONFLICT DO NOTHING
"""


class Migration(migrations.Migration):

    dependencies = [
        ('analytics', '0005_versions_and_verdicts'),
        ('attempts', '0005_indexes_by_type_and_fingerprint'),
    ]

    operations = [
        migrations.RunSQL(EMPTY, migrations.RunSQL.noop),
        migrations.CreateModel(
            name='FailureCount',
            fields=[
                ('pk', models.CompositePrimaryKey('fingerprint', 'bucket_start', blank=True, editable=False, primary_key=True, serialize=False)),
                ('fingerprint', models.ForeignKey(db_column='fingerprint', db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='counts', to='analytics.failurefingerprint')),
                ('bucket_start', models.DateTimeField()),
                ('occurrences', models.BigIntegerField()),
            ],
            options={
                'db_table': 'failure_counts',
            },
        ),
        migrations.CreateModel(
            name='FailureIncident',
            fields=[
                ('pk', models.CompositePrimaryKey('fingerprint', 'incident_id', blank=True, editable=False, primary_key=True, serialize=False)),
                ('fingerprint', models.ForeignKey(db_column='fingerprint', db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='incidents', to='analytics.failurefingerprint')),
                ('incident_id', models.CharField(max_length=255)),
                ('occurrences', models.BigIntegerField()),
            ],
            options={
                'db_table': 'failure_incidents',
            },
        ),
        migrations.CreateModel(
            name='FailurePatternKey',
            fields=[
                ('pattern_key', models.UUIDField(primary_key=True, serialize=False)),
                ('pattern', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='keys', to='analytics.failurepattern')),
                ('version', models.SmallIntegerField()),
            ],
            options={
                'db_table': 'failure_pattern_keys',
            },
        ),
        migrations.CreateModel(
            name='PatternChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('change', models.CharField(choices=[('acknowledged', 'Acknowledged'), ('fixed', 'Fixed'), ('ignored', 'Ignored'), ('reopened', 'Reopened'), ('regressed', 'Regressed'), ('merged', 'Merged'), ('merged_into', 'Merged Into'), ('split', 'Split'), ('split_from', 'Split From'), ('regrouped', 'Regrouped')], max_length=16)),
                ('from_state', models.CharField(choices=[('new', 'New'), ('acknowledged', 'Acknowledged'), ('fixed', 'Fixed'), ('ignored', 'Ignored'), ('regressed', 'Regressed')], max_length=16)),
                ('to_state', models.CharField(choices=[('new', 'New'), ('acknowledged', 'Acknowledged'), ('fixed', 'Fixed'), ('ignored', 'Ignored'), ('regressed', 'Regressed')], max_length=16)),
                ('pattern', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='changes', to='analytics.failurepattern')),
                ('other_pattern', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='changes_of_others', to='analytics.failurepattern')),
                ('fingerprints', models.IntegerField(default=0)),
                ('details', models.JSONField(blank=True, null=True)),
                ('changed_at', models.DateTimeField()),
                ('changed_by', models.CharField(max_length=255)),
                ('note', models.TextField(blank=True)),
            ],
            options={
                'db_table': 'pattern_changes',
            },
        ),
        migrations.AddField(
            model_name='failurefingerprint',
            name='action_type',
            field=models.CharField(blank=True, max_length=255),
        ),
        migrations.AddField(
            model_name='failurefingerprint',
            name='error_type',
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name='failurefingerprint',
            name='first_seen',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='failurefingerprint',
            name='last_seen',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='failurefingerprint',
            name='masked',
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name='failurefingerprint',
            name='occurrences',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='failurefingerprint',
            name='recount_due',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='failurefingerprint',
            name='version',
            field=models.SmallIntegerField(),
        ),
        migrations.AddField(
            model_name='failurepattern',
            name='action_type',
            field=models.CharField(blank=True, max_length=255),
        ),
        migrations.AddField(
            model_name='failurepattern',
            name='first_seen',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='failurepattern',
            name='fixed_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='failurepattern',
            name='incidents',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='failurepattern',
            name='last_seen',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='failurepattern',
            name='merged_into',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='merged', to='analytics.failurepattern'),
        ),
        migrations.AddField(
            model_name='failurepattern',
            name='occurrences',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='failurepattern',
            name='state_changed_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='failurepattern',
            name='state_changed_by',
            field=models.CharField(blank=True, max_length=255),
        ),
        migrations.AddConstraint(
            model_name='failurepattern',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['fixed', 'regressed']), _negated=True), ('fixed_at__isnull', False), _connector='OR'), name='failure_patterns_fixed_has_a_time'),
        ),
        migrations.AddConstraint(
            model_name='failurepattern',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('first_seen__isnull', True), ('incidents', 0), ('last_seen__isnull', True), ('occurrences', 0)), models.Q(('first_seen__isnull', False), ('first_seen__lte', models.F('last_seen')), ('incidents__gt', 0), ('incidents__lte', models.F('occurrences')), ('last_seen__isnull', False)), _connector='OR'), name='failure_patterns_totals_agree'),
        ),
        migrations.AddConstraint(
            model_name='failurepattern',
            constraint=models.CheckConstraint(condition=models.Q(('merged_into__isnull', True), models.Q(('occurrences', 0), models.Q(('merged_into', models.F('pattern_id')), _negated=True)), _connector='OR'), name='failure_patterns_merged_owns_nothing'),
        ),
        migrations.AddField(
            model_name='failurefingerprint',
            name='key',
            field=models.ForeignKey(db_column='pattern_key', on_delete=django.db.models.deletion.PROTECT, related_name='fingerprints', to='analytics.failurepatternkey'),
        ),
        migrations.AddConstraint(
            model_name='failurefingerprint',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('first_seen__isnull', True), ('last_seen__isnull', True), ('occurrences', 0)), models.Q(('first_seen__isnull', False), ('first_seen__lte', models.F('last_seen')), ('last_seen__isnull', False), ('occurrences__gt', 0)), _connector='OR'), name='failure_fingerprints_totals_agree'),
        ),
        migrations.AddIndex(
            model_name='failurecount',
            index=models.Index(fields=['bucket_start'], name='failure_counts_by_time'),
        ),
        migrations.AddConstraint(
            model_name='failurecount',
            constraint=models.CheckConstraint(condition=models.Q(('occurrences__gt', 0)), name='failure_counts_some'),
        ),
        migrations.AddIndex(
            model_name='failureincident',
            index=models.Index(fields=['incident_id'], name='failure_incidents_by_incident'),
        ),
        migrations.AddConstraint(
            model_name='failureincident',
            constraint=models.CheckConstraint(condition=models.Q(('occurrences__gt', 0)), name='failure_incidents_some'),
        ),
        migrations.AddIndex(
            model_name='patternchange',
            index=models.Index(fields=['pattern', 'id'], name='pattern_changes_by_pattern'),
        ),
        migrations.AddConstraint(
            model_name='patternchange',
            constraint=models.CheckConstraint(condition=models.Q(('change__in', ['acknowledged', 'fixed', 'ignored', 'reopened', 'regressed', 'merged', 'merged_into', 'split', 'split_from', 'regrouped'])), name='pattern_changes_change_known'),
        ),
        migrations.AddConstraint(
            model_name='patternchange',
            constraint=models.CheckConstraint(condition=models.Q(('from_state__in', ['new', 'acknowledged', 'fixed', 'ignored', 'regressed']), ('to_state__in', ['new', 'acknowledged', 'fixed', 'ignored', 'regressed'])), name='pattern_changes_states_known'),
        ),
        migrations.AddConstraint(
            model_name='patternchange',
            constraint=models.CheckConstraint(condition=models.Q(('fingerprints__gte', 0)), name='pattern_changes_fingerprints_not_negative'),
        ),
        migrations.RunSQL(ROOM, NO_ROOM),
        migrations.RunSQL(NOTE_FAILURES, migrations.RunSQL.noop),
    ]
