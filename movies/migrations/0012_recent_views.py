"""Recent views of each movie, beside all of them. Existing views are counted when own lists are first made."""

from django.conf import settings
from django.db import migrations, models


def start(apps, schema_editor):
    """Without views, nothing has to be counted."""
    if not apps.get_model("movies", "ViewCount").objects.exists():
        apps.get_model("movies", "Recency").objects.create(half_life_days=settings.POPULARITY_HALF_LIFE_DAYS)


class Migration(migrations.Migration):
    dependencies = [("movies", "0011_view_effective_at")]
    operations = [
        migrations.AddField(
            model_name="viewcount",
            name="recent",
            field=models.DecimalField(db_default=0, decimal_places=0, default=0, max_digits=1000),
        ),
        migrations.CreateModel(
            name="Recency",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("half_life_days", models.PositiveIntegerField()),
            ],
        ),
        migrations.RunPython(start, migrations.RunPython.noop),
    ]
