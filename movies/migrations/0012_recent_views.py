"""Recent views of each movie, beside all of them. They are counted for the first time when own lists are first made."""

from django.db import migrations, models


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
    ]
