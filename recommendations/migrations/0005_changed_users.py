"""Each view marks its user, in the statement that stores it: the own list of recommendations is to be made again."""

from django.db import migrations, models

MARK = """
ALTER TABLE recommendations_changeduser SET (fillfactor = 70);
CREATE SEQUENCE recommendations_marks;

-- Greater marks are served first. What can wait has negative ones, which no other mark gives way to.
CREATE FUNCTION recommendations_mark(users bigint[], sign int DEFAULT 1) RETURNS void LANGUAGE sql AS $$
    -- in the order of the key, so that two transactions do not deadlock
    INSERT INTO recommendations_changeduser AS known (user_id, mark, marked_at)
    SELECT user_id, sign * nextval('recommendations_marks'), clock_timestamp()
    FROM (SELECT DISTINCT user_id FROM unnest(users) AS user_id ORDER BY user_id) AS distinct_users
    ON CONFLICT (user_id) DO UPDATE SET mark = greatest(known.mark, excluded.mark),
        marked_at = coalesce(known.marked_at, excluded.marked_at)
$$;

CREATE FUNCTION recommendations_mark_viewers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM recommendations_mark(ARRAY(SELECT user_id FROM viewers));
    RETURN NULL;
END $$;
CREATE TRIGGER recommendations_mark_viewers AFTER INSERT ON movies_view REFERENCING NEW TABLE AS viewers
    FOR EACH STATEMENT EXECUTE FUNCTION recommendations_mark_viewers();
-- the time that orders a view was moved
CREATE TRIGGER recommendations_mark_again AFTER UPDATE ON movies_view REFERENCING NEW TABLE AS viewers
    FOR EACH STATEMENT EXECUTE FUNCTION recommendations_mark_viewers();
"""
UNDO = """
DROP TRIGGER recommendations_mark_again ON movies_view;
DROP TRIGGER recommendations_mark_viewers ON movies_view;
DROP FUNCTION recommendations_mark_viewers(), recommendations_mark(bigint[], int);
DROP SEQUENCE recommendations_marks;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("recommendations", "0004_own_lists"),
        ("movies", "0012_recent_views"),
    ]
    operations = [
        migrations.CreateModel(
            name="ChangedUser",
            fields=[
                ("user_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("mark", models.BigIntegerField(null=True)),
                ("marked_at", models.DateTimeField(null=True)),
                ("recommended_at", models.DateTimeField(null=True)),
            ],
            options={
                "default_permissions": (),
                "indexes": [
                    models.Index(
                        condition=models.Q(("mark__isnull", False)),
                        fields=["mark"],
                        name="recommendations_marked",
                    )
                ],
            },
        ),
        migrations.RunSQL(MARK, UNDO),
        # users of before this release get lists without another finish
        migrations.RunSQL(
            "SELECT recommendations_mark(ARRAY(SELECT DISTINCT user_id FROM movies_view), -1)",
            migrations.RunSQL.noop,
        ),
    ]
