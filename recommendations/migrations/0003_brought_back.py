"""When a movie was brought back into currently watching, beside when it was watched."""

import django.contrib.postgres.fields
from django.db import migrations, models

PARALLEL = """
ALTER TABLE recommendations_userlists ADD CONSTRAINT recommendations_brought_back_is_parallel
    CHECK (brought_back_at IS NULL OR cardinality(brought_back_at) = cardinality(watching));
"""


class Migration(migrations.Migration):
    dependencies = [("recommendations", "0002_take_off_permission")]
    operations = [
        migrations.AddField(
            model_name="userlists",
            name="brought_back_at",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.DateTimeField(null=True), null=True, size=None
            ),
        ),
        migrations.RunSQL(
            PARALLEL,
            "ALTER TABLE recommendations_userlists DROP CONSTRAINT recommendations_brought_back_is_parallel",
        ),
    ]
