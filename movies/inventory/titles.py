"""Normalizes titles, and rejects characters that no title may have. No Django.

The database enforces the same rule (migration 0008_one_form_of_titles); a test compares both over all code points.
The patterns use escapes that mean the same to Python's `re` and to PostgreSQL.
"""

import re
import unicodedata

# White_Space of Unicode's PropList.txt: stripped from both ends of a title.
BLANKS = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)

# Control characters, line and paragraph separators; lone surrogates, which no UTF-8 has.
CONTROLS = r"\u0000-\u001f\u007f-\u009f\u2028\u2029\ud800-\udfff"

# Characters that are invisible, or change how the text around them is shown, as of Unicode 18.0. Unassigned code
# points are allowed, because they may become letters, unless Default_Ignorable_Code_Point reserves them.
INVISIBLE = (
    # Default_Ignorable_Code_Point, DerivedCoreProperties.txt: soft hyphen, joiners, marks of direction, Hangul
    # fillers, inherent vowels of Khmer, variation selectors, tags, ...
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    # The other format characters (Cf) without a glyph: annotations, joiners of hieroglyphs.
    r"\ufff9-\ufffb\U00013430-\U0001343f"
    # Letters, marks and symbols that are named blank: Braille, hieroglyphs, Khitan, a note without a head; and the
    # object replacement character.
    r"\u2800\U00013441\U00013442\U00016fe4\U0001d159\ufffc"
    # Private use and noncharacters, which have a meaning only in the sender's font or program.
    r"\ue000-\uf8ff\U000f0000-\U0010ffff\ufdd0-\ufdef\ufffe\uffff"
) + "".join(rf"\U{plane:04x}fffe\U{plane:04x}ffff" for plane in range(1, 15))

# Some of these characters are allowed where they have an effect.
_PICTURES = (  # blocks of symbols that include emoji
    r"\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u2460-\u24ff\u25a0-\u27bf\u2900-\u297f"
    r"\u2b00-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
)
_HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_MONGOLIAN = r"\u1807\u1820-\u18aa"
_JOINED = (  # Arabic, Syriac, N'Ko, the scripts of India, Tibetan, Myanmar, Khmer, Mongolian, Phags-pa, Adlam, ...
    r"\u0620-\u0dff\u0f00-\u109f\u1780-\u18af\ua840-\ua8ff\ua9e0-\ua9ff\uaa60-\uaa7f\uaae0-\uaaff\uabc0-\uabff"
    r"\ufb50-\ufdff\ufe70-\ufefc\U00010ac0-\U00010aff\U00010d00-\U00010d3f\U00010f30-\U00010fdf"
    r"\U00011000-\U00011c9f\U00011d00-\U00011daf\U00011f00-\U00011f5f\U0001e900-\U0001e95f"
)
_VIRAMAS = r"\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d3b\u0d3c\u0d4d\u0dca\u0f84\u1039\u103a\u17d2"
_TAGS_OF_FLAGS = (  # England, Scotland, Wales: the three that Unicode's emoji-sequences.txt has
    r"\U000e0067\U000e0062(?:\U000e0065\U000e006e\U000e0067|\U000e0073\U000e0063\U000e0074"
    r"|\U000e0077\U000e006c\U000e0073)\U000e007f"
)
EFFECTIVE = "|".join(
    (
        rf"(?<=[{_PICTURES}])[\ufe0e\ufe0f]",  # shown as text, or as emoji
        r"(?<=[#*0-9])\ufe0f(?=\u20e3)",  # a key of a keyboard
        rf"(?<=[{_PICTURES}\ufe0f])\u200d(?=[{_PICTURES}])",  # several emoji as one
        rf"(?<=\U0001f3f4){_TAGS_OF_FLAGS}",
        rf"(?<=[{_HAN}])[\ufe00-\ufe02\U000e0100-\U000e01ef]",  # a form of an ideograph, as in names
        rf"(?<=[{_MONGOLIAN}])[\u180b-\u180d\u180f]",  # a form of a letter
        rf"(?<=[{_JOINED}])[\u200c\u200d](?=[{_JOINED}])",  # letters kept apart or together
        rf"(?<=[{_VIRAMAS}])[\u200c\u200d]",
    )
)

_CONTROL = re.compile(f"[{CONTROLS}]")
_INVISIBLE = re.compile(f"[{INVISIBLE}]")
_EFFECTIVE = re.compile(EFFECTIVE)


def normalize(text: str) -> str:
    """The title as it is stored: composed (NFC), without surrounding blanks. Raises ValueError with a sentence."""
    title = unicodedata.normalize("NFC", text).strip(BLANKS)
    if not title:
        raise ValueError("A title is needed.")
    if title.isascii() and title.isprintable():
        return title
    if _CONTROL.search(title):
        raise ValueError("A title has no control characters and no line breaks.")
    if invisible := _INVISIBLE.search(_EFFECTIVE.sub("", title)):
        raise ValueError(
            f"The title contains {_named(invisible[0])}, which shows nothing or changes how other text is shown."
            " Remove it."
        )
    return title


def _named(character: str) -> str:
    name = unicodedata.name(character, "")
    return f"U+{ord(character):04X}{name and f' ({name})'}"
