"""API keys, their writes in the present minute, and the responses kept for repeated POSTs."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="ApiKey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(help_text="Who holds it.", max_length=100)),
                (
                    "role",
                    models.CharField(
                        choices=[("distributor", "Distributor"), ("service", "Service")], max_length=20
                    ),
                ),
                ("lookup", models.CharField(editable=False, max_length=12, unique=True)),
                ("digest", models.BinaryField(max_length=32)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("last_used", models.DateTimeField(editable=False, null=True)),
                ("revoked_at", models.DateTimeField(blank=True, editable=False, null=True)),
            ],
            options={
                "verbose_name": "API key",
                "ordering": ["-created"],
            },
        ),
        migrations.CreateModel(
            name="KeyUse",
            fields=[
                (
                    "key",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="tetraflix.apikey",
                    ),
                ),
                ("minute", models.BigIntegerField()),
                ("calls", models.PositiveIntegerField()),
            ],
        ),
        # Every write request updates a row: without WAL, and with space for updates in place.
        migrations.RunSQL(
            "ALTER TABLE tetraflix_keyuse SET UNLOGGED; ALTER TABLE tetraflix_keyuse SET (fillfactor = 50);",
            migrations.RunSQL.noop,
        ),
        migrations.CreateModel(
            name="KeptAnswer",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=255)),
                ("request", models.BinaryField(max_length=32)),
                ("status", models.PositiveSmallIntegerField(null=True)),
                ("headers", models.JSONField(default=dict)),
                ("body", models.BinaryField(default=b"")),
                ("created", models.DateTimeField(db_index=True)),
                (
                    "key",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="tetraflix.apikey",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("key", "name"), name="tetraflix_one_answer_a_key")
                ],
            },
        ),
    ]
