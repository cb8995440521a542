"""Who made a list, what a user dismissed, and the preferences that a user was given."""

import django.contrib.postgres.fields
import django.db.models.functions.datetime
from django.db import migrations, models

# NOT VALID: holds for every row, because the columns are new and NULL, so that no row needs to be read.
RULES = """
ALTER TABLE recommendations_userlists
    ADD CONSTRAINT recommendations_null_means_the_bus CHECK (recommended_by NOT IN ('bus', '')) NOT VALID,
    ADD CONSTRAINT recommendations_dismissed_are_few CHECK (cardinality(dismissed) BETWEEN 1 AND 1000) NOT VALID;
ALTER TABLE recommendations_preferences
    ADD CONSTRAINT recommendations_preferences_user_is_positive CHECK (user_id > 0),
    -- the rule of movies_movie.profile
    ADD CONSTRAINT recommendations_weights_are_a_profile CHECK (
        array_ndims(weights) IS NOT DISTINCT FROM 1 AND array_lower(weights, 1) = 1 AND array_length(weights, 1) = 15
        AND array_position(weights, NULL) IS NULL AND 0 <= ALL (weights)
        AND weights[1]::int + weights[2] + weights[3] + weights[4] + weights[5] + weights[6] + weights[7] + weights[8]
          + weights[9] + weights[10] + weights[11] + weights[12] + weights[13] + weights[14] + weights[15] = 100);
"""
NO_RULES = """
ALTER TABLE recommendations_userlists DROP CONSTRAINT recommendations_null_means_the_bus,
    DROP CONSTRAINT recommendations_dismissed_are_few;
"""


class Migration(migrations.Migration):
    dependencies = [("recommendations", "0003_brought_back")]
    operations = [
        # null wherever nothing is special: no byte of a row
        migrations.AddField("userlists", "recommended_by", models.TextField(null=True)),
        migrations.AddField(
            "userlists",
            "dismissed",
            django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(), null=True, size=None
            ),
        ),
        migrations.CreateModel(
            name="Preferences",
            fields=[
                ("user_id", models.BigIntegerField(primary_key=True, serialize=False)),
                (
                    "weights",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.SmallIntegerField(), size=None
                    ),
                ),
                ("given_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={"verbose_name_plural": "preferences", "default_permissions": ()},
        ),
        migrations.RunSQL(RULES, NO_RULES),
    ]
