"""New popular lists show in the inventory's one row too, so that one look at it tells whether a kept answer is right.

The row is rewritten as it is: its `version` counts changes of movies, its `xmin` tells the last writer of either.
"""

from django.db import migrations

SHOW = """
CREATE FUNCTION movies_lists_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE movies_inventory SET version = version;
    RETURN NULL;
END $$;
CREATE TRIGGER movies_lists_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON movies_popularlist
    FOR EACH STATEMENT EXECUTE FUNCTION movies_lists_changed();
"""
UNDO = """
DROP TRIGGER movies_lists_changed ON movies_popularlist;
DROP FUNCTION movies_lists_changed();
"""


class Migration(migrations.Migration):
    dependencies = [("movies", "0006_exports")]
    operations = [migrations.RunSQL(SHOW, UNDO)]
