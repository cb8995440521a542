"""A key may be rolled: it has an end, and the keys of one holder know each other; and writes are counted by day."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tetraflix", "0006_experiment_roles")]
    operations = [
        migrations.AlterField(
            model_name="apikey",
            name="name",
            field=models.CharField(
                help_text="Its holder, as the history of changes names it.", max_length=100
            ),
        ),
        migrations.AddField(
            model_name="apikey",
            name="ends_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="apikey",
            name="first",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="tetraflix.apikey",
            ),
        ),
        migrations.RemoveConstraint(model_name="apikey", name="tetraflix_one_living_key_a_name"),
        migrations.AddConstraint(
            model_name="apikey",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ends_at", None), ("revoked_at", None)),
                fields=("name",),
                name="tetraflix_one_living_key_a_name",
            ),
        ),
        # with defaults in the database, because processes of the version before still insert rows
        migrations.AddField(model_name="keyuse", name="day", field=models.IntegerField(db_default=0)),
        migrations.AddField(
            model_name="keyuse", name="calls_in_day", field=models.PositiveBigIntegerField(db_default=0)
        ),
    ]
