"""What no path around the services may break: profiles are profiles, and every change of a movie is on record.

The order: a statement that changes movies locks the one row of movies_inventory before anything else, and holds it
until it commits. So change ids commit in order, "everything after id N" never misses one that was slower, and two
changes of the same movies wait for each other instead of running into a deadlock.
"""

from django.db import migrations

CHECKS = """
ALTER TABLE movies_movie
    ADD CONSTRAINT movies_profile_is_a_profile CHECK (
        array_ndims(profile) IS NOT DISTINCT FROM 1 AND array_lower(profile, 1) = 1 AND array_length(profile, 1) = 15
        AND array_position(profile, NULL) IS NULL AND 0 <= ALL (profile)
        AND profile[1]::int + profile[2] + profile[3] + profile[4] + profile[5] + profile[6] + profile[7] + profile[8]
          + profile[9] + profile[10] + profile[11] + profile[12] + profile[13] + profile[14] + profile[15] = 100),
    ADD CONSTRAINT movies_title_is_not_blank CHECK (title ~ '[^[:space:]]'),
    -- the sister services are JavaScript: a larger number would not survive them
    ADD CONSTRAINT movies_id_is_a_safe_integer CHECK (id BETWEEN 1 AND 9007199254740991);
-- rows that every view rewrites: leave room on their pages
ALTER TABLE movies_viewcount SET (fillfactor = 80);
ALTER TABLE movies_genreviews SET (fillfactor = 50);
INSERT INTO movies_inventory (id, version) VALUES (1, 0);
ALTER TABLE movies_inventory ADD CONSTRAINT movies_inventory_is_one_row CHECK (id = 1);
"""

STAMP = """
CREATE FUNCTION movies_one_at_a_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM movies_inventory FOR UPDATE;
    RETURN NULL;
END $$;
CREATE TRIGGER movies_one_at_a_time BEFORE INSERT OR UPDATE OR DELETE ON movies_movie
    FOR EACH STATEMENT EXECUTE FUNCTION movies_one_at_a_time();

CREATE FUNCTION movies_stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.version := 1 + coalesce((SELECT version FROM movies_retiredid WHERE movie_id = NEW.id), 0);
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'movie % keeps its id', OLD.id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.title, NEW.profile, NEW.hidden) IS DISTINCT FROM (OLD.title, OLD.profile, OLD.hidden) THEN
        NEW.version := OLD.version + 1;
        NEW.updated := statement_timestamp();
    ELSE
        NEW.version := OLD.version;  -- saved without a change: not a change
        NEW.updated := OLD.updated;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER movies_stamp_insert BEFORE INSERT ON movies_movie FOR EACH ROW
    WHEN (current_setting('tetraflix.bulk_load', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION movies_stamp();
CREATE TRIGGER movies_stamp_update BEFORE UPDATE ON movies_movie FOR EACH ROW EXECUTE FUNCTION movies_stamp();
"""

RECORD = """
CREATE FUNCTION movies_state(title text, profile smallint[], hidden boolean) RETURNS jsonb LANGUAGE sql STABLE
    RETURN jsonb_build_object('title', title, 'profile', profile, 'hidden', hidden);

-- No nested loops: the plan is made once a session, and one made for a single row would take hours on a bulk change.
CREATE FUNCTION movies_record_change() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = off AS $$
DECLARE
    who text := left(coalesce(current_setting('tetraflix.actor', true), ''), 200);
    request text := left(coalesce(current_setting('tetraflix.request_id', true), ''), 100);
    together uuid := nullif(current_setting('tetraflix.batch', true), '')::uuid;
    bulk_load boolean := coalesce(current_setting('tetraflix.bulk_load', true), '') = 'on';
    highest bigint;
    seq regclass;
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT max(id) INTO highest FROM new_rows WHERE id < 4503599627370496;
        -- An id given by hand: the next generated one comes after it (unless it is so high that none ever will).
        seq := pg_get_serial_sequence('movies_movie', 'id');
        IF highest > coalesce(pg_sequence_last_value(seq), 0) THEN PERFORM setval(seq, highest); END IF;
    END IF;
    IF bulk_load THEN
        -- too much to list: the jump tells every process to start its cache afresh
        UPDATE movies_inventory SET version = setval(changes, nextval(changes) + 1000000)
        FROM pg_get_serial_sequence('movies_moviechange', 'id') AS changes;
        RETURN NULL;
    END IF;
    IF TG_OP = 'INSERT' THEN
        INSERT INTO movies_moviechange (movie_id, version, action, after, actor, batch, request_id)
        SELECT id, version, CASE WHEN hidden THEN 'deleted' ELSE 'added' END,
               movies_state(title, profile, hidden), who, together, request
        FROM new_rows ORDER BY id;
        INSERT INTO movies_viewcount (movie_id) SELECT id FROM new_rows ON CONFLICT DO NOTHING;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO movies_moviechange (movie_id, version, action, before, after, actor, batch, request_id)
        SELECT n.id, n.version,
               CASE WHEN n.hidden THEN 'deleted' WHEN o.hidden THEN 'added' ELSE 'updated' END,
               movies_state(o.title, o.profile, o.hidden), movies_state(n.title, n.profile, n.hidden),
               who, together, request
        FROM new_rows n JOIN old_rows o ON o.id = n.id WHERE n.version <> o.version ORDER BY n.id;
    ELSE
        INSERT INTO movies_moviechange (movie_id, version, action, before, actor, batch, request_id)
        SELECT id, version + 1, 'deleted', movies_state(title, profile, hidden), who, together, request
        FROM old_rows ORDER BY id;
        INSERT INTO movies_retiredid (movie_id, version) SELECT id, version + 1 FROM old_rows
        ON CONFLICT (movie_id) DO UPDATE SET version = excluded.version;
    END IF;
    UPDATE movies_inventory SET version = latest.id
    FROM (SELECT max(id) AS id FROM movies_moviechange) AS latest WHERE version < latest.id;
    RETURN NULL;
END $$;
CREATE TRIGGER movies_record_insert AFTER INSERT ON movies_movie REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION movies_record_change();
CREATE TRIGGER movies_record_update AFTER UPDATE ON movies_movie REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION movies_record_change();
CREATE TRIGGER movies_record_delete AFTER DELETE ON movies_movie REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION movies_record_change();

-- a TRUNCATE (tests do that) lists nothing; at least no cache outlives it
CREATE FUNCTION movies_truncated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO movies_inventory (id, version)
    SELECT 1, setval(seq, nextval(seq) + 1000000) FROM pg_get_serial_sequence('movies_moviechange', 'id') AS seq
    ON CONFLICT (id) DO UPDATE SET version = excluded.version;
    RETURN NULL;
END $$;
CREATE TRIGGER movies_truncated AFTER TRUNCATE ON movies_movie EXECUTE FUNCTION movies_truncated();
"""
UNCHECK = """
ALTER TABLE movies_movie DROP CONSTRAINT movies_profile_is_a_profile, DROP CONSTRAINT movies_title_is_not_blank,
    DROP CONSTRAINT movies_id_is_a_safe_integer;
ALTER TABLE movies_inventory DROP CONSTRAINT movies_inventory_is_one_row;
DELETE FROM movies_inventory;
"""
UNDO = """
DROP TRIGGER movies_truncated ON movies_movie;
DROP TRIGGER movies_record_insert ON movies_movie;
DROP TRIGGER movies_record_update ON movies_movie;
DROP TRIGGER movies_record_delete ON movies_movie;
DROP TRIGGER movies_one_at_a_time ON movies_movie;
DROP TRIGGER movies_stamp_insert ON movies_movie;
DROP TRIGGER movies_stamp_update ON movies_movie;
DROP FUNCTION movies_truncated(), movies_record_change(), movies_one_at_a_time(), movies_stamp(),
    movies_state(text, smallint[], boolean);
"""


class Migration(migrations.Migration):
    dependencies = [("movies", "0001_initial")]
    operations = [
        migrations.RunSQL(CHECKS, UNCHECK),
        migrations.RunSQL(STAMP + RECORD, UNDO),
    ]
