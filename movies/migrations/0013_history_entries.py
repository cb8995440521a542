"""One row for each line of the history, so that it is listed and filtered a batch in one line at any size."""

from django.db import migrations, models

INDEXES = """
CREATE INDEX movies_entry_latest ON movies_historyentry (at, id);
CREATE INDEX movies_entry_by_actor ON movies_historyentry (actor, at, id);
CREATE INDEX movies_entry_by_kind ON movies_historyentry (kind, at, id);
CREATE INDEX movies_entry_by_actor_and_kind ON movies_historyentry (actor, kind, at, id);
CREATE INDEX movies_entry_of_movie ON movies_historyentry (movie_id) WHERE movie_id IS NOT NULL;
CREATE INDEX movies_entry_reverts ON movies_historyentry (reverts) WHERE reverts IS NOT NULL;
"""
# `tetraflix.act` holds what a service knows beyond the changes: {"kind", "about", "reverts", "reverts_from"}.
# A batch that several statements make is one entry, whose kind is `changed` if theirs differ.
ENTER = """
CREATE FUNCTION movies_kind(before jsonb, after jsonb) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN CASE WHEN before IS NULL THEN 'added' WHEN after IS NULL THEN 'deleted'
                WHEN before - 'hidden' <> after - 'hidden' THEN 'changed'
                WHEN (after ->> 'hidden')::boolean THEN 'hidden' ELSE 'shown' END;

CREATE FUNCTION movies_enter_history() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    act jsonb := coalesce(nullif(current_setting('tetraflix.act', true), '')::jsonb, '{}');
BEGIN
    INSERT INTO movies_historyentry AS entry
        (id, at, actor, kind, movies, added, movie_id, batch, about, reverts, reverts_from)
    SELECT min(id), min(at), min(actor),
           coalesce(act ->> 'kind', CASE WHEN min(kind) = max(kind) THEN min(kind) ELSE 'changed' END),
           count(*), count(*) FILTER (WHERE kind = 'added'), CASE WHEN count(*) = 1 THEN min(movie_id) END,
           batch, coalesce(act ->> 'about', ''), (act ->> 'reverts')::uuid, (act ->> 'reverts_from')::int
    FROM (SELECT *, movies_kind(before, after) AS kind FROM recorded) AS changes
    GROUP BY batch, CASE WHEN batch IS NULL THEN id END
    ON CONFLICT (batch) DO UPDATE SET
        movies = entry.movies + excluded.movies, added = entry.added + excluded.added, movie_id = NULL,
        kind = CASE WHEN entry.kind = excluded.kind THEN entry.kind ELSE 'changed' END;
    RETURN NULL;
END $$;
CREATE TRIGGER movies_enter_history AFTER INSERT ON movies_moviechange REFERENCING NEW TABLE AS recorded
    FOR EACH STATEMENT EXECUTE FUNCTION movies_enter_history();
"""
UNDO = """
DROP TRIGGER movies_enter_history ON movies_moviechange;
DROP FUNCTION movies_enter_history(), movies_kind(jsonb, jsonb);
"""
# The changes on record before this release. What a job did is known as long as the job is.
FILL = """
INSERT INTO movies_historyentry (id, at, actor, kind, movies, added, movie_id, batch, about)
SELECT min(id), min(at), min(actor), CASE WHEN min(kind) = max(kind) THEN min(kind) ELSE 'changed' END, count(*),
       count(*) FILTER (WHERE kind = 'added'), CASE WHEN count(*) = 1 THEN min(movie_id) END, batch, ''
FROM (SELECT id, at, actor, movie_id, batch, movies_kind(before, after) AS kind FROM movies_moviechange) AS changes
GROUP BY batch, CASE WHEN batch IS NULL THEN id END;
UPDATE movies_historyentry SET kind = 'imported', about = job.request ->> 'file'
FROM movies_job AS job WHERE job.id = movies_historyentry.batch AND job.kind = 'import';
UPDATE movies_historyentry SET kind = 'reverted', reverts = (job.request ->> 'batch')::uuid
FROM movies_job AS job
WHERE job.kind = 'revert' AND job.state = 'done' AND (job.result ->> 'batch')::uuid = movies_historyentry.batch;
"""


def rename_permission(apps, schema_editor):
    """Django keeps the name of a permission that exists."""
    permissions = apps.get_model("auth", "Permission").objects.filter(codename="revert_batch")
    permissions.update(name="Can revert changes of movies")


class Migration(migrations.Migration):
    dependencies = [("movies", "0012_recent_views"), ("auth", "0012_alter_user_first_name_max_length")]
    operations = [
        migrations.CreateModel(
            name="HistoryEntry",
            fields=[
                ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("actor", models.CharField(max_length=200)),
                ("kind", models.CharField(max_length=10)),
                ("movies", models.PositiveIntegerField()),
                ("added", models.PositiveIntegerField()),
                ("movie_id", models.BigIntegerField(null=True)),
                ("batch", models.UUIDField(null=True, unique=True)),
                ("about", models.TextField()),
                ("reverts", models.UUIDField(null=True)),
                ("reverts_from", models.PositiveIntegerField(null=True)),
            ],
        ),
        migrations.RunSQL(ENTER, UNDO),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.RunSQL(INDEXES, migrations.RunSQL.noop),
        migrations.AlterModelOptions(
            name="movie",
            options={
                "ordering": ["id"],
                "permissions": [
                    ("import_movies", "Can import movies from a file"),
                    ("revert_batch", "Can revert changes of movies"),
                ],
            },
        ),
        migrations.RunPython(rename_permission, migrations.RunPython.noop),
    ]
