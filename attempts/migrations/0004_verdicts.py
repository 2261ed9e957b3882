"""The latest verdict on an attempt, beside its facts. Columns without a default, and a constraint that is held against
the rows that are there without keeping anybody from writing: nothing waits, however large the table."""

from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db import migrations, models

KNOWN = models.CheckConstraint(
    condition=models.Q(verdict__isnull=True, verdict_at__isnull=True)
    | models.Q(
        verdict__isnull=False, verdict__in=("worked", "no_effect", "made_worse", "unknown"), verdict_at__isnull=False
    ),
    name="action_attempts_verdict_known",
)


class Migration(migrations.Migration):
    # Each on its own, so that the lock under which a column or a constraint is added is not kept while rows are read.
    atomic = False

    dependencies = [("attempts", "0003_steps_checked_at_once")]

    operations = [
        migrations.AddField("actionattempt", "verdict", models.CharField(blank=True, max_length=16, null=True)),
        migrations.AddField("actionattempt", "verdict_at", models.DateTimeField(blank=True, null=True)),
        AddConstraintNotValid("actionattempt", KNOWN),
        ValidateConstraint("actionattempt", KNOWN.name),
    ]
