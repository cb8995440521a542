"""What each row of an import does, so that its preview is filtered from an index."""

from django.db import migrations, models

INDEX = """
CREATE INDEX movies_importrow_by_kind ON movies_importrow (job_id, kind, line);
"""


class Migration(migrations.Migration):
    dependencies = [("movies", "0013_history_entries")]
    operations = [
        migrations.AddField(
            model_name="importrow", name="kind", field=models.CharField(db_default="", max_length=10)
        ),
        migrations.RunSQL(INDEX, "DROP INDEX movies_importrow_by_kind"),
    ]
