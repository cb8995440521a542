"""Who created and who revoked a key; and unique names of active keys, because the history identifies them by name."""

from django.db import migrations, models

MAX_NAME_LENGTH = 100


def name_apart(apps, schema_editor):
    """Of active keys with one name, the oldest keeps it; the others get their look-up part appended."""
    keys = apps.get_model("tetraflix", "ApiKey").objects.filter(revoked_at=None).order_by("created", "id")
    seen = set()
    for key in keys:
        if key.name in seen:
            suffix = f" ({key.lookup})"
            key.name = key.name[: MAX_NAME_LENGTH - len(suffix)] + suffix
            key.save(update_fields=["name"])
        seen.add(key.name)


class Migration(migrations.Migration):
    dependencies = [("tetraflix", "0004_heartbeats_and_schedule")]
    operations = [
        migrations.AddField(
            model_name="apikey",
            name="created_by",
            field=models.CharField(default="", editable=False, max_length=200),
        ),
        migrations.AddField(
            model_name="apikey",
            name="revoked_by",
            field=models.CharField(default="", editable=False, max_length=200),
        ),
        migrations.RunPython(name_apart, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="apikey",
            constraint=models.UniqueConstraint(
                condition=models.Q(("revoked_at", None)),
                fields=("name",),
                name="tetraflix_one_living_key_a_name",
            ),
        ),
    ]
