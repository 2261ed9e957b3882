"""Leaves room in the pages of resolution_metrics for the next version of each row.

A busy bucket's rows change with every recording transaction. With room, a change stays on its page and touches no index
(a HOT update), and the versions before it are cleared away when the page is next read; without, the recorder walks over
ever more of them: PostgreSQL took half as long again for a batch. Changes the catalog alone; pages that are there
already gain room as they are rewritten.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("analytics", "0003_views")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE resolution_metrics SET (fillfactor = 40)",
            "ALTER TABLE resolution_metrics RESET (fillfactor)",
        )
    ]
