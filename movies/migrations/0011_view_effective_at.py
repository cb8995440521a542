"""What a view is ordered by, where its stated time lay ahead of the message's sending."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("movies", "0010_retries_and_leases")]
    operations = [
        # null wherever the time as stated serves: no byte of a row
        migrations.AddField(model_name="view", name="effective_at", field=models.DateTimeField(null=True)),
    ]
