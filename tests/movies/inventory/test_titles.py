"""Titles are normalized and checked by one rule in Python and in the database."""

import unicodedata
from importlib import import_module
from typing import Any

import pytest
from django.db import IntegrityError, connection
from hypothesis import given
from hypothesis import strategies as st

from movies.inventory import generated_movies
from movies.inventory.titles import BLANKS, normalize
from movies.models import Movie
from tests.movies.factories import change_records, movie

ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
PERSIAN, KA, HAN, PICTURE = "\u06cc", "\u0915", "\u845b", "\U0001f680"


def refused(text: str) -> str | None:
    try:
        normalize(text)
    except ValueError as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    "title",
    [
        "\U0001f469\U0001f3fd\u200d\U0001f680",  # an astronaut: woman, skin, joiner, rocket
        "\U0001f3f3\ufe0f\u200d\U0001f308",  # a flag with a selector before the joiner
        "I \u2764\ufe0f Huckabees",
        "1\ufe0f\u20e3",
        ENGLAND,
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian
        "\u0915\u094d\u200d\u0937",  # Devanagari
        "\u0d05\u0d35\u0d28\u0d4d\u200d",  # Malayalam: the joiner ends the word
        "\u0dc1\u0dca\u200d\u0dbb\u0dd3",  # Sinhala
        "\u845b\U000e0100\u57ce",  # an ideograph in the form of a name
        "\u1820\u180b",
        "Ast\u00e9rix\u202f: le film",  # a narrow blank inside
        "\u0300",
    ],
)
def test_invisible_characters_with_an_effect_stay(title: str):
    assert normalize(title) == title


@pytest.mark.parametrize(
    ("title", "named"),
    [
        ("Alien\u200b", "U+200B (ZERO WIDTH SPACE)"),
        ("\u2060\ufeff", "U+2060 (WORD JOINER)"),
        ("\u2800", "U+2800 (BRAILLE PATTERN BLANK)"),
        ("\u3164", "U+3164 (HANGUL FILLER)"),
        ("\u202eneilA", "U+202E (RIGHT-TO-LEFT OVERRIDE)"),
        ("A\u200dB", "U+200D (ZERO WIDTH JOINER)"),
        ("A\ufe0f", "U+FE0F (VARIATION SELECTOR-16)"),
        ("Auf\u200clage", "U+200C (ZERO WIDTH NON-JOINER)"),
        (ENGLAND[:-2] + ENGLAND[-1], "U+E0067 (TAG LATIN SMALL LETTER G)"),
        ("\ue000", "U+E000"),
        ("\U0001ffff", "U+1FFFF"),
    ],
)
def test_other_invisible_characters_are_rejected_by_name(title: str, named: str):
    assert refused(title) == (
        f"The title contains {named}, which shows nothing or changes how other text is shown. Remove it."
    )


@pytest.mark.parametrize("blank", list(BLANKS))
def test_surrounding_blanks_are_stripped(blank: str):
    assert normalize(f"{blank}Al ien{blank}{blank}") == "Al ien"
    assert refused(blank) == "A title is needed."


def test_blanks_are_those_of_unicode():
    blanks = {chr(point) for point in range(0x110000) if chr(point).isspace()}
    assert blanks - set("\x1c\x1d\x1e\x1f") == set(BLANKS)


def test_every_category_of_invisible_characters_is_rejected():
    visible = set("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
    for point in range(0x110000):
        character = chr(point)
        if (
            unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
            and character not in visible
        ):
            assert refused(f"A{character}B"), hex(point)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_a_normalized_title_stays_as_it_is(text: str):
    if refused(text) is None:
        title = normalize(text)
        assert normalize(title) == normalize(unicodedata.normalize("NFD", title)) == title


def test_generated_titles_are_normalized():
    titles = {
        title for made in generated_movies.movies(seed=1, first=1, count=20_000) for title in made.titles
    }
    assert {normalize(title) for title in titles} == titles


SAYS = "SELECT movies_title_form(text), movies_title_fault(movies_title_form(text)) FROM unnest(%s::text[]) AS text"


def database(texts: list[str]) -> list[tuple[str, str | None]]:
    with connection.cursor() as cursor:
        cursor.execute(SAYS, [texts])
        return cursor.fetchall()


def assert_the_database_agrees(texts: list[str]) -> None:
    for text, (form, fault) in zip(texts, database(texts), strict=True):
        sentence = refused(text)
        assert (sentence is None) == (fault is None), ascii(text)
        if sentence is None:
            assert form == normalize(text), ascii(text)
        else:  # the database has no names of characters
            assert fault is not None
            assert sentence.split(" (")[0].split(",")[0] == fault.split(",")[0], ascii(text)


def known(point: int) -> bool:
    """Whether this Python knows the character, because PostgreSQL may have a later Unicode. No surrogate, no NUL."""
    return point != 0 and unicodedata.category(chr(point)) not in {"Cn", "Cs"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "context", ["{}", "A{}B", "e{}\u0301"], ids=["alone", "in a word", "under an accent"]
)
def test_the_database_agrees_about_every_code_point(context: str):
    assert_the_database_agrees([context.format(chr(point)) for point in range(0x110000) if known(point)])


@pytest.mark.django_db
@pytest.mark.parametrize(
    "before", ["\U0001f3f4", PICTURE, PERSIAN, KA + "\u094d", HAN, "\u1820", "1", "\ufe0f"]
)
def test_the_database_agrees_about_invisible_characters_in_any_position(before: str):
    unseen = [chr(point) for point in range(1, 0x30000) if refused(f"A{chr(point)}B") and known(point)]
    unseen += [chr(point) for point in range(0xE0000, 0xE0200)]
    after = ("", PICTURE, PERSIAN, KA, HAN, "\u20e3", ENGLAND[2:], "A")
    assert_the_database_agrees([f"{before}{character}{end}" for character in unseen for end in after])


@pytest.mark.django_db
@given(
    st.lists(st.text(st.sampled_from("A1 \u200b\u200c\u200d\ufe0f" + ENGLAND + PERSIAN + KA + HAN + PICTURE)))
)
def test_the_database_agrees_about_any_neighbours(texts: list[str]):
    assert_the_database_agrees(texts)


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["Alien\u200b", "\u2800", "a\nb", "", " \u3000", "\u202eneilA"])
def test_raw_sql_cannot_store_an_invalid_title(text: str):
    with pytest.raises(IntegrityError, match="title"):
        movie(text)


@pytest.mark.django_db
def test_raw_sql_stores_the_normalized_title_and_records_no_change_for_the_same():
    made = movie(" Ame\u0301lie\u3000", movie_id=1)
    made.refresh_from_db()
    assert (made.title, made.version) == ("Am\u00e9lie", 1)
    Movie.objects.filter(id=1).update(title="Ame\u0301lie")
    made.refresh_from_db()
    assert (made.title, made.version, change_records("action")) == ("Am\u00e9lie", 1, [("added",)])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("old", "corrected"),
    [
        ("Alien\u200b", "Alien"),
        ("A\nB", "A B"),
        ("\u200b", "Untitled"),
        (f"A\ufe0f\u200d{PICTURE}", f"A{PICTURE}"),
        (f"{PICTURE}\ufe0f", f"{PICTURE}\ufe0f"),
        ("e\u0301", "\u00e9"),
        ("\U0001d160" * 300, "\U0001d158\U0001d165\U0001d16e" * 100),
    ],
)
def test_an_old_title_is_corrected(old: str, corrected: str):
    with connection.cursor() as cursor:
        cursor.execute("SELECT movies_title_mended(%s)", [old])
        assert cursor.fetchone() == (corrected,)


@pytest.mark.django_db
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12))
def test_every_corrected_title_is_valid(old: str):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT corrected, movies_title_fault(corrected), movies_title_form(corrected)"
            " FROM movies_title_mended(%s) AS corrected",
            [old],
        )
        (answer,) = cursor.fetchall()
    corrected: Any = answer[0]
    assert answer == (corrected, None, corrected)


@pytest.mark.django_db
def test_the_migration_corrects_stored_titles_as_recorded_changes():
    """Valid titles keep their version, and no message is sent about them."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE movies_movie DISABLE TRIGGER movies_check_title")
        for movie_id, title in enumerate(["Alien", "Alien\u200b", "Ame\u0301lie", "\u200b"], 1):
            movie(title, movie_id=movie_id)
        cursor.execute("ALTER TABLE movies_movie ENABLE TRIGGER movies_check_title")
        cursor.execute(import_module("movies.migrations.0008_one_form_of_titles").MEND)
    assert list(Movie.objects.values_list("title", "version")) == [
        ("Alien", 1),
        ("Alien", 2),
        ("Am\u00e9lie", 2),
        ("Untitled", 2),
    ]
    assert change_records("movie_id", "actor", action="updated") == [
        (2, "migration"),
        (3, "migration"),
        (4, "migration"),
    ]
