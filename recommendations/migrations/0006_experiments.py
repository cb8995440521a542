"""The experiment: the facts (lists read, starts, ratings, first finishes), and what is counted from them."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

LIST_READ = """
CREATE TABLE recommendations_listread (
    user_id bigint NOT NULL,
    made_at timestamptz NOT NULL,
    read_at timestamptz NOT NULL,
    made_by text NOT NULL,
    experiment bigint,
    arm text,
    movies bigint[] NOT NULL,
    other bigint[],
    PRIMARY KEY (user_id, made_at),
    CHECK ((experiment IS NULL) = (arm IS NULL) AND (experiment IS NULL) = (other IS NULL))
) PARTITION BY RANGE (made_at);
CREATE INDEX recommendations_lists_read ON recommendations_listread (user_id, read_at);
CREATE TABLE recommendations_listread_default PARTITION OF recommendations_listread DEFAULT;
"""
RULES = """
-- NOT VALID: holds for every row, because the columns are new and NULL, so that no row needs to be read.
ALTER TABLE recommendations_userlists ADD CONSTRAINT recommendations_both_lists_or_none CHECK (
    (experiment IS NULL) = (arm IS NULL) AND (experiment IS NULL) = (other IS NULL)) NOT VALID;
ALTER TABLE recommendations_firstfinishes
    ADD CONSTRAINT recommendations_first_finishes_are_five CHECK (
        cardinality(movie_ids) = 5 AND cardinality(finished_at) = 5 AND cardinality(profiles) = 75);

CREATE UNIQUE INDEX recommendations_one_experiment_runs ON recommendations_experiment ((true))
    WHERE started_at IS NOT NULL AND ended_at IS NULL;
CREATE FUNCTION recommendations_keep_plan() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'experiment % was started: its plan, start and end cannot be changed', OLD.name
        USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER recommendations_keep_plan BEFORE UPDATE ON recommendations_experiment FOR EACH ROW
    WHEN (OLD.started_at IS NOT NULL AND (
        (OLD.name, OLD.plan, OLD.plan_hash, OLD.started_at) IS DISTINCT FROM
        (NEW.name, NEW.plan, NEW.plan_hash, NEW.started_at)
        OR OLD.ended_at IS NOT NULL AND OLD.ended_at IS DISTINCT FROM NEW.ended_at))
    EXECUTE FUNCTION recommendations_keep_plan();

CREATE FUNCTION recommendations_untallied(users bigint[]) RETURNS void LANGUAGE sql AS $$
    -- in the order of the key, so that two transactions do not deadlock
    INSERT INTO recommendations_changeduser AS known (user_id, untallied)
    SELECT user_id, true FROM (SELECT DISTINCT user_id FROM unnest(users) AS user_id ORDER BY user_id) AS ordered
    ON CONFLICT (user_id) DO UPDATE SET untallied = true WHERE NOT known.untallied
$$;
"""
NO_RULES = """
DROP FUNCTION recommendations_untallied(bigint[]);
DROP TRIGGER recommendations_keep_plan ON recommendations_experiment;
DROP FUNCTION recommendations_keep_plan();
DROP INDEX recommendations_one_experiment_runs;
ALTER TABLE recommendations_userlists DROP CONSTRAINT recommendations_both_lists_or_none;
"""
# What is known of starts from before this release: finishes, and movies being watched.
KNOWN_STARTS = """
INSERT INTO recommendations_start (user_id, movie_id, started_at)
SELECT user_id, movie_id, min(at) FROM (
    SELECT user_id, movie_id, coalesce(effective_at, watched_at) AS at FROM movies_view
    UNION ALL
    SELECT user_id, entry.movie_id, entry.at
    FROM recommendations_userlists, unnest(watching, watched_at) AS entry (movie_id, at)
) AS known GROUP BY user_id, movie_id
"""


class Migration(migrations.Migration):
    dependencies = [
        ("recommendations", "0005_changed_users"),
    ]

    operations = [
        migrations.CreateModel(
            name="Experiment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.SlugField(max_length=60, unique=True)),
                ("plan", models.JSONField()),
                ("plan_hash", models.CharField(max_length=64)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("created_by", models.CharField(max_length=200)),
                ("started_at", models.DateTimeField(null=True)),
                ("started_by", models.CharField(db_default="", default="", max_length=200)),
                ("ended_at", models.DateTimeField(null=True)),
                ("ended_by", models.CharField(db_default="", default="", max_length=200)),
                ("certificate", models.JSONField(null=True)),
            ],
            options={
                "ordering": ["-id"],
                "permissions": [("run_experiment", "Can start and stop experiments")],
            },
        ),
        migrations.CreateModel(
            name="ExperimentDay",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "experiment_id",
                        "user_id",
                        "day",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "experiment",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="days",
                        to="recommendations.experiment",
                    ),
                ),
                ("user_id", models.BigIntegerField()),
                ("day", models.PositiveIntegerField()),
                ("finishes", models.PositiveIntegerField()),
                ("recommended", models.PositiveIntegerField()),
                ("shadow", models.PositiveIntegerField()),
                ("new_movies", models.PositiveIntegerField()),
                ("starts", models.PositiveIntegerField()),
                ("recommended_starts", models.PositiveIntegerField()),
                ("abandoned", models.PositiveIntegerField()),
                ("lists", models.PositiveIntegerField()),
                ("age_seconds", models.FloatField()),
                ("rec_known", models.PositiveIntegerField()),
                ("rec_disagree", models.PositiveIntegerField()),
                ("group_disagree", models.PositiveIntegerField()),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="ExperimentUser",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "experiment_id",
                        "user_id",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "experiment",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="users",
                        to="recommendations.experiment",
                    ),
                ),
                ("user_id", models.BigIntegerField()),
                ("arm", models.TextField(null=True)),
                ("exposed_at", models.DateTimeField(null=True)),
                ("left_out", models.TextField(default="")),
                ("arms", models.PositiveSmallIntegerField()),
                ("before", models.PositiveIntegerField()),
                ("first_read_at", models.DateTimeField()),
                ("lists", models.PositiveIntegerField()),
                ("bus_lists", models.PositiveIntegerField()),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="FirstFinishes",
            fields=[
                ("user_id", models.BigIntegerField(primary_key=True, serialize=False)),
                (
                    "movie_ids",
                    django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None),
                ),
                (
                    "finished_at",
                    django.contrib.postgres.fields.ArrayField(base_field=models.DateTimeField(), size=None),
                ),
                (
                    "profiles",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.SmallIntegerField(), size=None
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "first finishes",
                "default_permissions": (),
            },
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="ListRead",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "user_id",
                                "made_at",
                                blank=True,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        ("user_id", models.BigIntegerField()),
                        ("made_at", models.DateTimeField()),
                        ("read_at", models.DateTimeField()),
                        ("made_by", models.TextField()),
                        ("experiment", models.BigIntegerField(null=True)),
                        ("arm", models.TextField(null=True)),
                        (
                            "movies",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.BigIntegerField(), size=None
                            ),
                        ),
                        (
                            "other",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.BigIntegerField(), null=True, size=None
                            ),
                        ),
                    ],
                    options={
                        "default_permissions": (),
                    },
                ),
            ],
            database_operations=[migrations.RunSQL(LIST_READ, "DROP TABLE recommendations_listread")],
        ),
        migrations.CreateModel(
            name="LostReads",
            fields=[
                ("day", models.DateField(primary_key=True, serialize=False)),
                ("reads", models.PositiveBigIntegerField()),
                ("seconds", models.PositiveBigIntegerField()),
            ],
            options={
                "verbose_name_plural": "lost reads",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Rater",
            fields=[
                ("user_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("rated_at", models.DateTimeField()),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Start",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "user_id", "movie_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("user_id", models.BigIntegerField()),
                ("movie_id", models.BigIntegerField()),
                ("started_at", models.DateTimeField()),
                ("is_rec", models.BooleanField(null=True)),
                ("group_id", models.TextField(null=True)),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.AddField(
            model_name="changeduser",
            name="untallied",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="userlists",
            name="arm",
            field=models.TextField(null=True),
        ),
        migrations.AddField(
            model_name="userlists",
            name="experiment",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="userlists",
            name="other",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(), null=True, size=None
            ),
        ),
        migrations.AddField(
            model_name="userlists",
            name="read_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name="changeduser",
            index=models.Index(
                condition=models.Q(("untallied", True)), fields=["user_id"], name="recommendations_untallied"
            ),
        ),
        migrations.RunSQL(RULES, NO_RULES),
        migrations.RunSQL(KNOWN_STARTS, migrations.RunSQL.noop),
    ]
