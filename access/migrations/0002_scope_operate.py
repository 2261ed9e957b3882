"""Keys may have the scope operate. Undone, keys that have it are refused by the constraint: revoking is not enough, take
the scope from them first."""

import django.contrib.postgres.fields
from django.db import migrations, models

KNOWN = "access_api_keys_scopes_known"


class Migration(migrations.Migration):

    dependencies = [
        ('access', '0001_initial'),
    ]

    operations = [
        migrations.RemoveConstraint(model_name='apikey', name=KNOWN),
        migrations.AlterField(
            model_name='apikey',
            name='scopes',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('ingest', 'ingest'), ('read', 'read'), ('operate', 'operate')], max_length=20), size=None),
        ),
        migrations.AddConstraint(
            model_name='apikey',
            constraint=models.CheckConstraint(condition=models.Q(('scopes__contained_by', ['ingest', 'read', 'operate']), ('scopes__len__gt', 0)), name=KNOWN),
        ),
    ]
