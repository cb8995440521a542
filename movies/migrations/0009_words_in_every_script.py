"""What makes titles found in every script: words without accents and marks, joined and parted, and `&` as `and`.

The functions keep their names and their indexes. What is a letter, a mark or a sign is data of this file. The case of
letters is of a collation that knows all of them, whatever the database's own is.
"""

from importlib import import_module

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# Marks that titles are found without: nonspacing and enclosing ones (Mn, Me in UnicodeData.txt 18.0) of the combining
# classes 1 (overlays), 7 (nuktas), 10 to 36 (points of Hebrew, Arabic, Syriac) and 200 to 240 (above, below, beside), and
# all enclosing ones. The other classes are vowels, tones, viramas and the voicing of kana: without them it is another word.
MARKS = (
    r"\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7-\u05c9\u0610-\u061a"
    r"\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0711\u0730-\u074a\u07eb-\u07f3"
    r"\u07fd\u0816-\u0819\u081b-\u0823\u0825-\u0827\u0829-\u082d\u0859-\u085b\u0897-\u089f\u08ca-\u08e1"
    r"\u08e3-\u08ff\u093c\u0951-\u0954\u09bc\u09fe\u0a3c\u0abc\u0b3c\u0c3c\u0cbc\u0f18\u0f19\u0f35\u0f37\u0f39"
    r"\u0f82\u0f83\u0f86\u0f87\u0fc6\u1037\u108d\u135d-\u135f\u17dd\u18a9\u1939-\u193b\u1a17\u1a18"
    r"\u1a75-\u1a7f\u1ab0-\u1af0\u1b34\u1b6b-\u1b73\u1be6\u1c37\u1cd0-\u1cd2\u1cd4-\u1ce0\u1ce2-\u1ce8\u1ced"
    r"\u1cf4\u1cf8\u1cf9\u1dc0-\u1dff\u20d0-\u20f0\u2cef-\u2cf1\u2de0-\u2dff\u302a-\u302d\ua66f-\ua672"
    r"\ua674-\ua67d\ua69e\ua69f\ua6f0\ua6f1\ua8e0-\ua8f1\ua92b-\ua92d\ua9b3\uaab0\uaab2-\uaab4\uaab7\uaab8"
    r"\uaabe\uaabf\uaac1\ufb1e\ufe20-\ufe2f\U000101fd\U000102e0\U00010376-\U0001037a\U00010a0d\U00010a0f"
    r"\U00010a38-\U00010a3a\U00010ae5\U00010ae6\U00010d24-\U00010d27\U00010d69-\U00010d6d\U00010eab\U00010eac"
    r"\U00010ecb-\U00010ecf\U00010ef0-\U00010efb\U00010efd-\U00010eff\U00010f46-\U00010f50"
    r"\U00010f82-\U00010f85\U000110ba\U00011100-\U00011102\U00011173\U000111ca\U00011236\U000112e9\U0001133b"
    r"\U0001133c\U00011366-\U00011374\U00011446\U0001145e\U000114c3\U000115c0\U000116b7\U0001183a\U00011943"
    r"\U00011d42\U00016af0-\U00016af4\U00016b30-\U00016b36\U0001bc9e\U0001d127\U0001d128\U0001d167-\U0001d169"
    r"\U0001d17b-\U0001d182\U0001d185-\U0001d18b\U0001d1aa-\U0001d1ad\U0001d242-\U0001d244\U0001d25b\U0001d25c"
    r"\U0001e000-\U0001e02a\U0001e08f\U0001e130-\U0001e136\U0001e2ae\U0001e2ec-\U0001e2ef\U0001e4ec-\U0001e4ef"
    r"\U0001e5ee\U0001e5ef\U0001e6e3\U0001e6e6\U0001e6ee\U0001e6ef\U0001e6f5\U0001e8d0-\U0001e8d6"
    r"\U0001e944-\U0001e94a"
)

# What is no part of a word: punctuation, symbols, separators, format and control characters (P, S, Z, C in 18.0).
SIGNS = (
    r"\u0080-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf\u00d7\u00f7\u02c2-\u02c5\u02d2-\u02df"
    r"\u02e5-\u02eb\u02ed\u02ef-\u02ff\u0375\u037e\u0384\u0385\u0387\u03f6\u0482\u055a-\u055f\u0589\u058a"
    r"\u058d-\u058f\u05be\u05c0\u05c3\u05c6\u05f3-\u060f\u061b-\u061f\u066a-\u066d\u06d4\u06dd\u06de\u06e9"
    r"\u06fd\u06fe\u0700-\u070f\u07f6-\u07f9\u07fe\u07ff\u0830-\u083e\u085e\u0888\u0890\u0891\u08e2\u0964"
    r"\u0965\u0970\u09f2\u09f3\u09fa\u09fb\u09fd\u0a76\u0af0\u0af1\u0b70\u0bf3-\u0bfa\u0c77\u0c7f\u0c84\u0d4f"
    r"\u0d79\u0df4\u0e3f\u0e4f\u0e5a\u0e5b\u0f01-\u0f17\u0f1a-\u0f1f\u0f34\u0f36\u0f38\u0f3a-\u0f3d\u0f85"
    r"\u0fbe-\u0fc5\u0fc7-\u0fda\u104a-\u104f\u109e\u109f\u10fb\u1360-\u1368\u1390-\u1399\u1400\u166d\u166e"
    r"\u1680\u169b\u169c\u16eb-\u16ed\u1735\u1736\u17d4-\u17d6\u17d8-\u17db\u1800-\u180e\u1940-\u1945"
    r"\u19de-\u19ff\u1a1e\u1a1f\u1aa0-\u1aa6\u1aa8-\u1aad\u1b4e\u1b4f\u1b5a-\u1b6a\u1b74-\u1b7f\u1bfc-\u1bff"
    r"\u1c3b-\u1c3f\u1c7e\u1c7f\u1cc0-\u1cc7\u1cd3\u1fbd\u1fbf-\u1fc1\u1fcd-\u1fcf\u1fdd-\u1fdf\u1fed-\u1fef"
    r"\u1ffd-\u206f\u207a-\u207e\u208a-\u208e\u20a0-\u20c4\u2100\u2101\u2103-\u2106\u2108\u2109\u2114"
    r"\u2116-\u2118\u211e-\u2123\u2125\u2127\u2129\u212e\u213a\u213b\u2140-\u2144\u214a-\u214d\u214f"
    r"\u218a-\u244a\u249c-\u24e9\u2500-\u2775\u2794-\u2bff\u2ce5-\u2cea\u2cf9-\u2cfc\u2cfe\u2cff\u2d70"
    r"\u2e00-\u2e2e\u2e30-\u3004\u3008-\u3020\u3030\u3036\u3037\u303d-\u303f\u309b\u309c\u30a0\u30fb\u3190"
    r"\u3191\u3196-\u319f\u31c0-\u31ef\u3200-\u321e\u322a-\u3247\u3250\u3260-\u327f\u328a-\u32b0\u32c0-\u33ff"
    r"\u4dc0-\u4dff\ua490-\ua4c6\ua4fe\ua4ff\ua60d-\ua60f\ua673\ua67e\ua6f2-\ua716\ua720\ua721\ua789\ua78a"
    r"\ua828-\ua82b\ua836-\ua839\ua874-\ua877\ua8ce\ua8cf\ua8f8-\ua8fa\ua8fc\ua92e\ua92f\ua95f\ua9c1-\ua9cd"
    r"\ua9de\ua9df\uaa5c-\uaa5f\uaa77-\uaa79\uaade\uaadf\uaaf0\uaaf1\uab5b\uab6a\uab6b\uabeb\ufb29"
    r"\ufbb2-\ufbd2\ufd3e-\ufd4f\ufd90\ufd91\ufdc8-\ufdcf\ufdfc-\ufe19\ufe30-\ufe6b\ufeff-\uff0f\uff1a-\uff20"
    r"\uff3b-\uff40\uff5b-\uff65\uffe0-\ufffd\U00010100-\U00010102\U00010137-\U0001013f\U00010179-\U00010189"
    r"\U0001018c-\U000101fc\U0001039f\U000103d0\U0001056f\U00010857\U00010877\U00010878\U0001091f\U0001093f"
    r"\U00010a50-\U00010a58\U00010a7f\U00010ac8\U00010af0-\U00010af6\U00010b39-\U00010b3f\U00010b99-\U00010b9c"
    r"\U00010d6e\U00010d8e\U00010d8f\U00010ead\U00010ec9\U00010eca\U00010ed0-\U00010ed8\U00010f55-\U00010f59"
    r"\U00010f86-\U00010f89\U00011047-\U0001104d\U000110bb-\U000110c1\U000110cd\U00011140-\U00011143\U00011174"
    r"\U00011175\U000111c5-\U000111c8\U000111cd\U000111db\U000111dd-\U000111df\U00011238-\U0001123d\U000112a9"
    r"\U000113d4-\U000113d8\U0001144b-\U0001144f\U0001145a-\U0001145d\U000114c6\U000115c1-\U000115d7"
    r"\U00011641-\U00011643\U00011660-\U0001166c\U000116b9\U0001173c-\U0001173f\U0001183b\U00011944-\U00011946"
    r"\U000119e2\U00011a3f-\U00011a46\U00011a9a-\U00011a9c\U00011a9e-\U00011aa2\U00011b00-\U00011b09\U00011be1"
    r"\U00011c41-\U00011c45\U00011c70\U00011c71\U00011ef7\U00011ef8\U00011f43-\U00011f4f\U00011fd5-\U00011fff"
    r"\U00012470-\U00012474\U00012ff1\U00012ff2\U00013430-\U0001343f\U00016a6e\U00016a6f\U00016af5"
    r"\U00016b37-\U00016b3f\U00016b44\U00016b45\U00016d6d-\U00016d6f\U00016e97-\U00016e9a\U00016fe2\U0001bc9c"
    r"\U0001bc9f-\U0001ccef\U0001ccfa-\U0001cefd\U0001cf50-\U0001d126\U0001d129-\U0001d164"
    r"\U0001d16a-\U0001d16c\U0001d173-\U0001d17a\U0001d183\U0001d184\U0001d18c-\U0001d1a9\U0001d1ae-\U0001d241"
    r"\U0001d245\U0001d253-\U0001d25a\U0001d25d\U0001d25e\U0001d260-\U0001d27f\U0001d300-\U0001d356\U0001d6c1"
    r"\U0001d6db\U0001d6fb\U0001d715\U0001d735\U0001d74f\U0001d76f\U0001d789\U0001d7a9\U0001d7c3"
    r"\U0001d800-\U0001d9ff\U0001da37-\U0001da3a\U0001da6d-\U0001da74\U0001da76-\U0001da83"
    r"\U0001da85-\U0001da8b\U0001db00-\U0001db1c\U0001e14f\U0001e2ff\U0001e5ff\U0001e95e\U0001e95f\U0001ecac"
    r"\U0001ecb0\U0001ed2e\U0001eef0-\U0001f0f5\U0001f10d-\U0001fbef\U0001fbfa\U000e0001-\U000e007f"
)
# Those of ASCII but the blank; chr(30) and chr(31) are the marks of movies_spelled(), and no title has them.
SIGNS += r"!-/:-@\[-`{-~\x01-\x1d\x7f"

# As if they were not there: apostrophes; signs of marks and rights; what shows nothing; the stroke that only lengthens
# an Arabic word.
LEFT_OUT = (
    r"\u00b4\u02b9\u02bb-\u02bf\u055a\u05f3\u1fbd\u1fbf\u1ffe\u2018\u2019\u201b\u2032\ua78b\ua78c\uff07"
    r"\u00a9\u00ae\u2117\u2120\u2122"
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    r"\u0640"
)

# Chinese characters and kana: each is a word of its own, because no blanks part words there.
IDEOGRAPHS = (
    r"\u2e80-\u2fff\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303c\u3041-\u309a\u309d-\u309f\u30a1-\u30fa"
    r"\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    r"\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)

FUNCTIONS = r"""
-- Words in lower case and without marks, parted by single blanks. Inside of a word, chr(31) stands where signs part it
-- (m*a*s*h) and chr(30) where an `and` does (at&t): it is also known joined.
CREATE FUNCTION movies_spelled(title text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    spelled text := title;
BEGIN
    IF octet_length(title) <> length(title) THEN
        spelled := normalize(regexp_replace(spelled, '[LEFT_OUT]', '', 'g'), NFKD);
        spelled := public.unaccent('public.unaccent'::regdictionary, regexp_replace(spelled, '[LEFT_OUTMARKS]', '', 'g'));
        spelled := replace(lower(spelled COLLATE "COLLATION"), 'ς', 'σ');
        spelled := regexp_replace(normalize(spelled, NFC), '([IDEOGRAPHS])', ' \1 ', 'g');
    ELSE
        spelled := lower(spelled COLLATE "COLLATION");
    END IF;
    spelled := translate(spelled, '''`', '');
    IF spelled !~ '[SIGNS]|  |^ | $|(?:^| )[a-z] [a-z](?: |$)|^$' THEN
        RETURN left(spelled, 600);  -- some characters stand for eighteen: indexes have no room for 300 of those
    END IF;
    IF spelled ~ '[&+]' THEN
        spelled := regexp_replace(spelled, '([^ SIGNS])[&+](?=[^ SIGNS])', E'\\1\x1e', 'g');
        spelled := regexp_replace(spelled, '&|(?<= )\+(?= )', ' and ', 'g');
    END IF;
    spelled := regexp_replace(spelled, '[SIGNS]+', E'\x1f', 'g');
    spelled := btrim(regexp_replace(spelled, E'\x1f? [ \x1f]*', ' ', 'g'), E' \x1f');
    spelled := regexp_replace(spelled, '(?<=(?:^| )[a-z]) (?=[a-z](?: |$))', E'\x1f', 'g');  -- m a s h
    IF spelled = '' THEN  -- a title of signs alone, like !!!
        spelled := btrim(regexp_replace(lower(title COLLATE "COLLATION"), ' +', ' ', 'g'));
    END IF;
    RETURN left(spelled, 600);
END $$;

-- As one says it: what titles are put in order by.
CREATE OR REPLACE FUNCTION movies_plain(title text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    spelled text := public.movies_spelled(title);
BEGIN
    IF spelled ~ E'[\x1e\x1f]' THEN
        RETURN left(replace(replace(spelled, E'\x1e', ' and '), E'\x1f', ' '), 600);
    END IF;
    RETURN spelled;
END $$;

-- What a title is found by: its words, those that signs part also joined, up to 60 letters of each; and =thewholetitle.
-- COST: said to be dear, so that the planner takes the index even for the first few of very many matches, or when a few
-- movies are given. PARALLEL RESTRICTED: a search is over before workers have begun.
CREATE OR REPLACE FUNCTION movies_terms(title text) RETURNS tsvector LANGUAGE plpgsql IMMUTABLE STRICT
PARALLEL RESTRICTED COST 1000000 AS $$
DECLARE
    spelled text := public.movies_spelled(title);
    plain text := spelled;
    words text := spelled;
BEGIN
    IF spelled ~ E'[\x1e\x1f]' THEN
        plain := replace(replace(spelled, E'\x1e', ' and '), E'\x1f', ' ');
        words := plain || ' ' || translate(spelled, E'\x1e\x1f', '');
    END IF;
    IF length(words) > 60 THEN
        words := regexp_replace(words, '([^ ]{60})[^ ]+', '\1', 'g');
    END IF;
    RETURN array_to_tsvector(
        array_remove(string_to_array(words, ' '), '') || ('=' || left(replace(plain, ' ', ''), 500)));
END $$;

-- Whole titles are left out: who knows one does not misspell it.
CREATE OR REPLACE FUNCTION movies_words_gained(titles text[], sign integer) RETURNS void LANGUAGE sql AS $$
    INSERT INTO movies_word AS w (word, titles)
    SELECT word, sign * count(*) FROM unnest(titles) AS title, unnest(tsvector_to_array(movies_terms(title))) AS word
    WHERE left(word, 1) <> '='
    GROUP BY word
    ON CONFLICT (word) DO UPDATE SET titles = w.titles + excluded.titles;
$$;
"""
for name, characters in (
    ("LEFT_OUT", LEFT_OUT),
    ("MARKS", MARKS),
    ("SIGNS", SIGNS),
    ("IDEOGRAPHS", IDEOGRAPHS),
):
    FUNCTIONS = FUNCTIONS.replace(name, characters)

# What was made with the functions as they were.
RECOMPUTE = """
REINDEX INDEX movies_by_terms;
REINDEX INDEX movies_by_title;
REINDEX INDEX movies_hidden_by_title;
DELETE FROM movies_word;
SELECT movies_words_gained(array_agg(title), 1) FROM movies_movie;
"""

# The first that the server has: PostgreSQL 17 and newer; an older one that is built with ICU; any other.
COLLATIONS = ["pg_c_utf8", "und-x-icu", "default"]


def make_functions(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """With the best collation for the case of letters."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(
            "SELECT collname FROM pg_collation WHERE collname = ANY (%s) ORDER BY array_position(%s, collname::text)",
            [COLLATIONS, COLLATIONS],
        )
        cursor.execute(FUNCTIONS.replace("COLLATION", cursor.fetchone()[0]))
        cursor.execute(RECOMPUTE)


def make_old_functions(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Those of 0003."""
    old = import_module("movies.migrations.0003_search")
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(old.FUNCTIONS.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
        gained = old.WORDS[: old.WORDS.index("-- Without nested loops")]
        cursor.execute(gained.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
        cursor.execute(RECOMPUTE)
        cursor.execute("DROP FUNCTION movies_spelled(text)")


class Migration(migrations.Migration):
    dependencies = [("movies", "0008_one_form_of_titles")]
    operations = [migrations.RunPython(make_functions, make_old_functions)]
