"""Tries of bulk jobs, leases of work that lasts longer than a transaction, and work that fails at present."""

import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("movies", "0009_words_in_every_script")]
    operations = [
        migrations.CreateModel(
            name="Failure",
            fields=[
                ("name", models.CharField(max_length=100, primary_key=True, serialize=False)),
                ("times", models.PositiveIntegerField()),
                ("since", models.DateTimeField()),
                ("error", models.TextField()),
                ("next_try", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Lease",
            fields=[
                ("name", models.CharField(max_length=100, primary_key=True, serialize=False)),
                ("owner", models.UUIDField()),
                ("expires_at", models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name="job",
            name="next_try",
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
        ),
        migrations.AddField(
            model_name="job",
            name="tries",
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
    ]
