"""The sums of the rollups of whole hours and days. None at first: `manage.py upkeep` makes them."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('analytics', '0008_closed_incidents'),
    ]

    operations = [
        migrations.CreateModel(
            name='MetricSummary',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('subject', models.CharField(choices=[('attempt', 'Attempt'), ('resolution', 'Resolution'), ('incident', 'Incident')], max_length=16)),
                ('grain', models.CharField(choices=[('hour', 'Hour'), ('day', 'Day')], max_length=8)),
                ('period_start', models.DateTimeField()),
                ('grouping', models.CharField(max_length=64)),
                ('content', models.TextField()),
                ('sealed_at', models.DateTimeField()),
            ],
            options={
                'db_table': 'metric_summaries',
                'verbose_name_plural': 'metric summaries',
                'constraints': [models.UniqueConstraint(fields=('subject', 'grain', 'period_start', 'grouping'), name='metric_summaries_key'), models.CheckConstraint(condition=models.Q(('subject__in', ['attempt', 'resolution', 'incident'])), name='metric_summaries_subject_known'), models.CheckConstraint(condition=models.Q(('grain__in', ['hour', 'day'])), name='metric_summaries_grain_known')],
            },
        ),
    ]
