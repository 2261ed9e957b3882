"""Steps are held against their attempts by each statement, not at the commit.

A recording transaction holds the feed's lock from its last statement through its commit, and every other recorder waits
for that; the check of the foreign key need not be part of it. Changes the catalog alone, whatever the table holds.
"""

from django.db import migrations

ALTER = "ALTER TABLE action_logs ALTER CONSTRAINT action_logs_attempt_id_30f69b2c_fk_action_attempts_attempt_id DEFERRABLE INITIALLY "


class Migration(migrations.Migration):
    dependencies = [("attempts", "0002_views")]

    operations = [migrations.RunSQL(ALTER + "IMMEDIATE", ALTER + "DEFERRED")]
