"""What makes movies found: words of titles, the genres of a profile, and orders to page through.

Each function is IMMUTABLE and names its parts with their schema, because indexes are built from it.
"""

from django.db import migrations, models

EXTENSIONS = """
CREATE EXTENSION IF NOT EXISTS unaccent;
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS fuzzystrmatch;
"""

FUNCTIONS = r"""
-- Lower case, no accents, no punctuation, single blanks; each Chinese or Japanese character is a word of its own.
CREATE FUNCTION movies_plain(title text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    plain text := lower(title);
BEGIN
    IF octet_length(plain) <> length(plain) THEN
        plain := regexp_replace(
            lower(public.unaccent('public.unaccent'::regdictionary, replace(plain, '’', ''''))),
            '([\u2e80-\u312f\u31f0-\u9fff\uf900-\ufaff])', ' \1 ', 'g');
    END IF;
    plain := btrim(regexp_replace(replace(plain, '''', ''), '[^[:alnum:]]+', ' ', 'g'));
    IF plain = '' THEN
        plain := btrim(regexp_replace(lower(title), '\s+', ' ', 'g'));  -- a title of signs alone, like !!!
    END IF;
    RETURN plain;
END $$;

-- COST: said to be dear, so that the planner takes the index even for the first few of very many matches.
CREATE FUNCTION movies_terms(title text) RETURNS tsvector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 10000
    RETURN array_to_tsvector(array_remove(string_to_array(movies_plain(title), ' '), ''));

-- The places (1..15) of the genres that a movie has something of.
CREATE FUNCTION movies_genres(profile smallint[]) RETURNS smallint[] LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    places smallint[] := '{}';
BEGIN
    FOR place IN 1..15 LOOP
        IF profile[place] > 0 THEN
            places := places || place::smallint;
        END IF;
    END LOOP;
    RETURN places;
END $$;
"""

INDEXES = """
CREATE INDEX movies_by_terms ON movies_movie USING gin (movies_terms(title));
CREATE INDEX movies_by_genres ON movies_movie USING gin (movies_genres(profile));
CREATE INDEX movies_by_title ON movies_movie (movies_plain(title) COLLATE "C", id) WHERE NOT hidden;
CREATE INDEX movies_by_created ON movies_movie (created, id) WHERE NOT hidden;
CREATE INDEX movies_by_updated ON movies_movie (updated, id) WHERE NOT hidden;
CREATE INDEX movies_word_trigrams ON movies_word USING gist (word gist_trgm_ops);
"""

# After movies_record_* (by name), which locks the inventory: so nobody else counts words meanwhile.
WORDS = """
CREATE FUNCTION movies_words_gained(titles text[], sign integer) RETURNS void LANGUAGE sql AS $$
    INSERT INTO movies_word AS w (word, titles)
    SELECT word, sign * count(*) FROM unnest(titles) AS title, unnest(tsvector_to_array(movies_terms(title))) AS word
    GROUP BY word
    ON CONFLICT (word) DO UPDATE SET titles = w.titles + excluded.titles;
$$;
-- Without nested loops: plans are kept for the session, and one made for a movie would take minutes for 20,000.
CREATE FUNCTION movies_count_words() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = off AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM movies_words_gained(array_agg(title), 1) FROM new_rows;
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM movies_words_gained(array_agg(title), -1) FROM old_rows;
    ELSE
        PERFORM movies_words_gained(array_agg(o.title), -1), movies_words_gained(array_agg(n.title), 1)
        FROM old_rows o JOIN new_rows n USING (id) WHERE o.title <> n.title;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER movies_words_insert AFTER INSERT ON movies_movie REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION movies_count_words();
CREATE TRIGGER movies_words_update AFTER UPDATE ON movies_movie REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION movies_count_words();
CREATE TRIGGER movies_words_delete AFTER DELETE ON movies_movie REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION movies_count_words();
CREATE FUNCTION movies_forget_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM movies_word;
    RETURN NULL;
END $$;
CREATE TRIGGER movies_words_truncated AFTER TRUNCATE ON movies_movie EXECUTE FUNCTION movies_forget_words();
INSERT INTO movies_word (word, titles)
SELECT word, count(*) FROM movies_movie, unnest(tsvector_to_array(movies_terms(title))) AS word GROUP BY word;
"""

UNDO = """
DROP TRIGGER movies_words_truncated ON movies_movie;
DROP TRIGGER movies_words_delete ON movies_movie;
DROP TRIGGER movies_words_update ON movies_movie;
DROP TRIGGER movies_words_insert ON movies_movie;
DROP FUNCTION movies_forget_words(), movies_count_words();
DROP FUNCTION movies_words_gained(text[], integer);
DROP INDEX movies_by_updated, movies_by_created, movies_by_title, movies_by_genres, movies_by_terms;
DROP FUNCTION movies_genres(smallint[]), movies_terms(text), movies_plain(text);
"""


class Migration(migrations.Migration):
    dependencies = [("movies", "0002_rules_in_the_database")]
    operations = [
        migrations.RunSQL(EXTENSIONS, migrations.RunSQL.noop),
        migrations.CreateModel(
            name="Word",
            fields=[
                ("word", models.TextField(db_collation="C", primary_key=True, serialize=False)),
                ("titles", models.IntegerField()),
            ],
        ),
        migrations.RunSQL(FUNCTIONS + INDEXES + WORDS, UNDO),
    ]
