"""Exports are jobs too: their files are kept in the same chunks as those of imports."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("movies", "0005_jobs")]
    operations = [
        migrations.RenameModel("ImportChunk", "JobChunk"),
        migrations.AlterField(
            model_name="job",
            name="kind",
            field=models.CharField(
                choices=[
                    ("import", "Import"),
                    ("export", "Export"),
                    ("hide", "Hide"),
                    ("show", "Show"),
                    ("delete", "Delete"),
                    ("revert", "Revert"),
                ],
                max_length=10,
            ),
        ),
    ]
