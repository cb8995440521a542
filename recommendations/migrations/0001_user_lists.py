"""One row a user, laid out for the hot read."""

import django.contrib.postgres.fields
import django.db.models.functions.datetime
from django.db import migrations, models

LAYOUT = """
ALTER TABLE recommendations_userlists
    -- an update finds room on the row's own page, so that no index is touched
    SET (fillfactor = 85),
    -- what each request reads stays in the row, uncompressed; the other columns may be moved out when a row grows
    ALTER COLUMN recommended SET STORAGE PLAIN,
    ALTER COLUMN watching SET STORAGE PLAIN,
    ALTER COLUMN progress SET STORAGE PLAIN,
    ALTER COLUMN recommended SET DEFAULT '{}',
    ALTER COLUMN watching SET DEFAULT '{}',
    ALTER COLUMN progress SET DEFAULT '{}',
    ALTER COLUMN watched_at SET DEFAULT '{}',
    ADD CONSTRAINT recommendations_user_is_positive CHECK (user_id > 0),
    ADD CONSTRAINT recommendations_watching_is_parallel CHECK (
        cardinality(progress) = cardinality(watching) AND cardinality(watched_at) = cardinality(watching)),
    ADD CONSTRAINT recommendations_lists_are_short CHECK (cardinality(recommended) <= 20 AND cardinality(watching) <= 20);
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="UserLists",
            fields=[
                ("user_id", models.BigIntegerField(primary_key=True, serialize=False)),
                (
                    "recommended",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), default=list, size=None
                    ),
                ),
                ("recommended_at", models.DateTimeField(null=True)),
                (
                    "watching",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), default=list, size=None
                    ),
                ),
                (
                    "progress",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.FloatField(), default=list, size=None
                    ),
                ),
                (
                    "watched_at",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.DateTimeField(), default=list, size=None
                    ),
                ),
                ("removed", models.JSONField(default=list)),
                ("finished", models.JSONField(default=list)),
                ("updated", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={"verbose_name_plural": "user lists"},
        ),
        migrations.RunSQL(LAYOUT, migrations.RunSQL.noop),
    ]
