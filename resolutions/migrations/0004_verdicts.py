"""Verdicts, the latest of them beside the facts of each resolution attempt, and by what its incident was reopened."""

import django.db.models.deletion
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('attempts', '0004_verdicts'),
        ('resolutions', '0003_imported_files'),
    ]

    operations = [
        migrations.CreateModel(
            name='Verdict',
            fields=[
                ('verdict_id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ('verdict', models.CharField(max_length=16)),
                ('source', models.CharField(choices=[('check', 'Check'), ('human', 'Human'), ('alert', 'Alert')], max_length=16)),
                ('given_at', models.DateTimeField()),
                ('given_by', models.CharField(max_length=255)),
                ('note', models.TextField(blank=True)),
                ('received_at', models.DateTimeField()),
            ],
            options={
                'db_table': 'verdicts',
            },
        ),
        migrations.AddField(
            model_name='resolutionattempt',
            name='reopened_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='resolutionattempt',
            name='reopened_by',
            field=models.UUIDField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='resolutionattempt',
            name='verdict',
            field=models.CharField(blank=True, max_length=16, null=True),
        ),
        migrations.AddField(
            model_name='resolutionattempt',
            name='verdict_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddConstraint(
            model_name='resolutionattempt',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('verdict__isnull', True), ('verdict_at__isnull', True)), models.Q(('verdict__in', ('worked', 'no_effect', 'made_worse', 'unknown')), ('verdict__isnull', False), ('verdict_at__isnull', False)), _connector='OR'), name='resolution_attempts_verdict_known'),
        ),
        migrations.AddConstraint(
            model_name='resolutionattempt',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('reopened_at__isnull', True), ('reopened_by__isnull', True)), models.Q(('reopened_at__isnull', False), ('reopened_by__isnull', False)), _connector='OR'), name='resolution_attempts_reopened_by_and_when'),
        ),
        migrations.AddField(
            model_name='verdict',
            name='attempt',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='attempts.actionattempt'),
        ),
        migrations.AddField(
            model_name='verdict',
            name='resolution',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='resolutions.resolutionattempt'),
        ),
        migrations.AddIndex(
            model_name='verdict',
            index=models.Index(condition=models.Q(('attempt__isnull', False)), fields=['attempt', 'given_at'], name='verdicts_by_attempt'),
        ),
        migrations.AddIndex(
            model_name='verdict',
            index=models.Index(condition=models.Q(('resolution__isnull', False)), fields=['resolution', 'given_at'], name='verdicts_by_resolution'),
        ),
        migrations.AddIndex(
            model_name='verdict',
            index=models.Index(models.OrderBy(models.F('received_at'), descending=True), models.OrderBy(models.F('verdict_id'), descending=True), name='verdicts_newest'),
        ),
        migrations.AddConstraint(
            model_name='verdict',
            constraint=models.CheckConstraint(condition=models.Q(('verdict__in', ('worked', 'no_effect', 'made_worse', 'unknown'))), name='verdicts_verdict_known'),
        ),
        migrations.AddConstraint(
            model_name='verdict',
            constraint=models.CheckConstraint(condition=models.Q(('source__in', ['check', 'human', 'alert'])), name='verdicts_source_known'),
        ),
        migrations.AddConstraint(
            model_name='verdict',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('attempt__isnull', True), ('resolution__isnull', False)), models.Q(('attempt__isnull', False), ('resolution__isnull', True)), _connector='OR'), name='verdicts_on_one_thing'),
        ),
    ]
