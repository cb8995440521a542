"""Titles have one form in the database too, and no character that shows nothing: the rule of movies/inventory/titles.py.

A trigger composes a title (NFC) and takes the blanks around it off, before the version is decided: another spelling of
the same title is no change. What movies/inventory/titles.py refuses it refuses, in the same words.
"""
# ruff: noqa: S608 - statements are put together from parts written here

from django.db import migrations

# White_Space of Unicode's PropList.txt: taken off around a title.
BLANKS = (
    r"U&'\0009\000a\000b\000c\000d\0020\0085\00a0\1680\2000\2001\2002\2003\2004\2005\2006\2007\2008\2009\200a"
    r"\2028\2029\202f\205f\3000'"
)

# What else than letters, digits and signs of ASCII may be right or wrong: looked at more closely.
SUSPICIOUS = "[^ -~]|^ | $|^$"

# Control characters, line and paragraph separators.
CONTROLS = r"\u0001-\u001f\u007f-\u009f\u2028\u2029"

# What shows nothing, or changes how the text around it is shown, as of Unicode 18.0.
UNSEEN = (
    # Default_Ignorable_Code_Point, DerivedCoreProperties.txt: soft hyphen, joiners, marks of direction, Hangul
    # fillers, inherent vowels of Khmer, variation selectors, tags, ...
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    # The other format characters (Cf) that have no sign of their own: annotations, joiners of hieroglyphs.
    r"\ufff9-\ufffb\U00013430-\U0001343f"
    # Letters, marks and symbols that are blank by their name: Braille, hieroglyphs, Khitan, a note without a head;
    # and the place of an object that a text does not have.
    r"\u2800\U00013441\U00013442\U00016fe4\U0001d159\ufffc"
    # Private use and noncharacters: they mean something to their sender's font or program alone.
    r"\ue000-\uf8ff\U000f0000-\U0010ffff\ufdd0-\ufdef\ufffe\uffff"
) + "".join(rf"\U{plane:04x}fffe\U{plane:04x}ffff" for plane in range(1, 15))

# Where some of these characters have something to do, they are part of a title.
PICTURES = (  # blocks of symbols that have emoji among them
    r"\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u2460-\u24ff\u25a0-\u27bf\u2900-\u297f"
    r"\u2b00-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
)
HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
MONGOLIAN = r"\u1807\u1820-\u18aa"
JOINED = (  # Arabic, Syriac, N'Ko, the scripts of India, Tibetan, Myanmar, Khmer, Mongolian, Phags-pa, Adlam, ...
    r"\u0620-\u0dff\u0f00-\u109f\u1780-\u18af\ua840-\ua8ff\ua9e0-\ua9ff\uaa60-\uaa7f\uaae0-\uaaff\uabc0-\uabff"
    r"\ufb50-\ufdff\ufe70-\ufefc\U00010ac0-\U00010aff\U00010d00-\U00010d3f\U00010f30-\U00010fdf"
    r"\U00011000-\U00011c9f\U00011d00-\U00011daf\U00011f00-\U00011f5f\U0001e900-\U0001e95f"
)
VIRAMAS = r"\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d3b\u0d3c\u0d4d\u0dca\u0f84\u1039\u103a\u17d2"
TAGS_OF_FLAGS = (  # England, Scotland, Wales: the three that Unicode's emoji-sequences.txt has
    r"\U000e0067\U000e0062(?:\U000e0065\U000e006e\U000e0067|\U000e0073\U000e0063\U000e0074"
    r"|\U000e0077\U000e006c\U000e0073)\U000e007f"
)
AT_WORK = "|".join(
    (
        rf"(?<=[{PICTURES}])[\ufe0e\ufe0f]",  # shown as text, or as emoji
        r"(?<=[#*0-9])\ufe0f(?=\u20e3)",  # a key of a keyboard
        rf"(?<=[{PICTURES}\ufe0f])\u200d(?=[{PICTURES}])",  # several emoji as one
        rf"(?<=\U0001f3f4){TAGS_OF_FLAGS}",
        rf"(?<=[{HAN}])[\ufe00-\ufe02\U000e0100-\U000e01ef]",  # a form of an ideograph, as in names
        rf"(?<=[{MONGOLIAN}])[\u180b-\u180d\u180f]",  # a form of a letter
        rf"(?<=[{JOINED}])[\u200c\u200d](?=[{JOINED}])",  # letters kept apart or together
        rf"(?<=[{VIRAMAS}])[\u200c\u200d]",
    )
)

FUNCTIONS = rf"""
-- Why this is no title, in a sentence; null for one.
CREATE FUNCTION movies_title_fault(title text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    unseen text;
    hex text;
BEGIN
    IF title = '' THEN
        RETURN 'A title is needed.';
    ELSIF title ~ '[{CONTROLS}]' THEN
        RETURN 'A title has no control characters and no line breaks.';
    END IF;
    unseen := substring(regexp_replace(title, '{AT_WORK}', '', 'g') FROM '[{UNSEEN}]');
    hex := upper(to_hex(ascii(unseen)));
    RETURN 'The title contains U+' || lpad(hex, greatest(4, length(hex)), '0') || ', which shows nothing or changes how other text is shown. Remove it.';
END $$;

-- In the form in which titles are stored.
CREATE FUNCTION movies_title_form(title text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN btrim(normalize(title, NFC), {BLANKS});

-- What is left of a title of earlier times, when more was allowed.
CREATE FUNCTION movies_title_mended(title text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    mended text := movies_title_form(regexp_replace(title, '[{CONTROLS}]', ' ', 'g'));
BEGIN
    WHILE mended <> '' AND movies_title_fault(mended) IS NOT NULL LOOP
        mended := movies_title_form(regexp_replace(mended, '({AT_WORK})|[{UNSEEN}]', '\1', 'g'));
    END LOOP;
    RETURN coalesce(nullif(left(mended, 300), ''), 'Untitled');
END $$;

CREATE FUNCTION movies_check_title() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.title := movies_title_form(NEW.title);
    IF movies_title_fault(NEW.title) IS NOT NULL THEN
        RAISE EXCEPTION '%', movies_title_fault(NEW.title) USING ERRCODE = 'check_violation',
            TABLE = 'movies_movie', COLUMN = 'title', CONSTRAINT = 'movies_check_title';
    END IF;
    RETURN NEW;
END $$;
"""

# By its name before movies_stamp_*: the version is decided by the title as it is stored.
TRIGGER = rf"""
CREATE TRIGGER movies_check_title BEFORE INSERT OR UPDATE OF title ON movies_movie FOR EACH ROW
    WHEN (NEW.title ~ '{SUSPICIOUS}') EXECUTE FUNCTION movies_check_title();
"""

# Changes of inventory like others, of those movies alone: most often of none.
MEND = rf"""
SELECT set_config('tetraflix.actor', 'migration', true);
UPDATE movies_movie SET title = movies_title_mended(title)
WHERE title ~ '{SUSPICIOUS}' AND title <> movies_title_mended(title);
SELECT set_config('tetraflix.actor', '', true);
"""

UNDO = """
DROP TRIGGER movies_check_title ON movies_movie;
DROP FUNCTION movies_check_title(), movies_title_mended(text), movies_title_form(text), movies_title_fault(text);
"""


class Migration(migrations.Migration):
    dependencies = [("movies", "0007_lists_in_sight")]
    operations = [migrations.RunSQL(FUNCTIONS + MEND + TRIGGER, UNDO)]
