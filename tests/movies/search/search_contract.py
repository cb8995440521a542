"""The contract of search: what a query finds and in which order. Each engine has a small subclass."""

import itertools
import unicodedata
from collections.abc import Iterable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from movies.inventory.services import hide_movies
from movies.models import Movie
from movies.search.engine import search
from tests.movies.factories import movie
from tests.movies.search.searching import Make, found
from tests.movies.titles import is_title

# Letters of scripts whose marks may be left out or written as characters of their own.
SCRIPTS = [
    "abcxyz\u00e9\u00f1\u00fc\u00e5\u0142\u00f8\u00e6\u00df\u1ea5\u0131\u0149\ufb01",
    "\u03b1\u03ac\u03ca\u0390\u03c3\u03c2\u03c9",
    "\u0435\u0451\u0438\u0439\u044f",
    "\u0627\u0622\u0644\u0642\u0647\u0631\u0629",
    "\u05e9\u05dc\u05d5\u05dd",
    "\uc62c\ub4dc\ubcf4\uc774\u3131",
    "\u30ac\u30d1\u304b\u304c\u5343\u5c0b\uff76",
    "\u0915\u0929\u093f\u094d\u0932",
    "\u0e01\u0e33\u0e48\u0e32",
    "0123",
]
MARKS = {
    "\u0627\u0622\u0644\u0642\u0647\u0631\u0629": "\u064e\u0650\u0651",
    "\u05e9\u05dc\u05d5\u05dd": "\u05b8\u05b9",
}
words = st.sampled_from(SCRIPTS).flatmap(
    lambda letters: st.builds(
        str.__add__,
        st.sampled_from(letters),
        st.text(st.sampled_from(letters + MARKS.get(letters, "")), max_size=6),
    )
)
between = st.sampled_from(
    [" ", " ", ": ", "-", "*", "\u00b7", ".", " & ", "&", " + ", "' ", " - ", "/", " and "]
)
titles = (
    st.tuples(words, st.lists(st.tuples(between, words), max_size=4))
    .map(lambda drawn: drawn[0] + "".join(sign + word for sign, word in drawn[1]))
    .filter(is_title)
)


def without_marks(title: str) -> str:
    """The title without accents, points and harakat."""
    left = [c for c in unicodedata.normalize("NFD", title) if not is_mark(c)]
    return unicodedata.normalize("NFC", "".join(left))


def is_mark(character: str) -> bool:
    return unicodedata.combining(character) >= 200 or 10 <= unicodedata.combining(character) <= 36


def variants(title: str) -> Iterable[str]:
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        yield unicodedata.normalize(form, title)
    yield title.lower()
    yield title.upper()
    yield without_marks(title)
    yield without_marks(title).upper()
    yield title.replace("&", " and ").replace(" + ", " and ")
    yield title.replace(" and ", " & ")
    for sign in "*\u00b7.-/":
        yield title.replace(sign, "")
        yield title.replace(sign, " ")
        yield title.replace(" ", sign)
    yield "".join(title.split())
    yield ".".join(title)


def assert_found_first(movies: Make, cases: dict[str, str], *others: str | tuple[str, int]) -> None:
    """Each query finds its own title first, among the titles of all cases."""
    movies(*others, *dict.fromkeys(cases.values()))
    assert {q: found(q)[:1] for q in cases} == {q: [title] for q, title in cases.items()}


@pytest.mark.usefixtures("db")
class SearchContract:
    """A subclass has a fixture `movies`, which adds movies that its engine finds."""

    examples = 10  # of the property

    def test_a_title_is_found_by_what_people_type(self, movies: Make):
        assert_found_first(
            movies,
            {
                "lord of the rings": "Lord of the Rings",
                "LORD RINGS": "Lord of the Rings",
                "RINGS, lord": "Lord of the Rings",
                "lord of the rigns": "Lord of the Rings",
                "lrod of teh rings": "Lord of the Rings",
                "lord of the ri": "Lord of the Rings",
                "lord wra": "Lord of War",
                "spidr-man": "Spider-Man",
                "amelie": "Am\u00e9lie",
                "AME\u0301LIE": "Am\u00e9lie",
                "\u5343\u5c0b": "\u5343\u3068\u5343\u5c0b\u306e\u795e\u96a0\u3057",
                "!!!": "!!!",
                "!": "!!!",
            },
        )

    def test_a_query_without_words_finds_nothing(self, movies: Make):
        movies("Lord of the Rings", "Heat", "!!!")
        strange = [
            "",
            " ",
            "\0",
            "zzzzzzzz",
            "'",
            "\\",
            "a:* & !b | (",
            "%_",
            "*:* OR (",
            "\ud800",
            "=",
            "\u200b",
        ]
        strange += ["0" * 10_000, "zz " * 5_000]
        assert {q: found(q) for q in strange} == {q: [] for q in strange}

    def test_exact_titles_come_first_then_all_words_then_prefixes(self, movies: Make):
        movies(
            ("Aliens", 9_000),
            ("Alien Resurrection", 1_000),
            "Alien",
            ("Alien: Covenant", 2_000),
            ("The Alien", 1),
        )
        assert found("alien") == ["Alien", "Alien: Covenant", "Alien Resurrection", "The Alien", "Aliens"]

    def test_among_equal_matches_more_views_come_first_then_the_smaller_id(self, movies: Make):
        ids = movies("Alien", ("Alien", 9), "Alien", ("Alien", 10))
        assert search("alien", limit=9) == [ids[3], ids[1], ids[0], ids[2]]
        assert search("aleins", limit=9) == [ids[3], ids[1], ids[0], ids[2]]
        assert search("alien too many", limit=9) == [ids[3], ids[1], ids[0], ids[2]]

    def test_misspelt_matches_never_rank_above_exact_ones(self, movies: Make):
        movies(("Heart", 9_000), "Heat Wave", ("Hear", 9_000))
        assert found("heat") == ["Heat Wave"]
        assert found("heat zzz") == ["Heat Wave"]
        movies(("Zzq", 9_000))
        assert found("heat zzz") == ["Heat Wave", "Zzq"]

    def test_fewer_mistakes_come_first(self, movies: Make):
        movies(("Marlon", 9_000), "Harlan")
        assert found("harlin") == ["Harlan", "Marlon"]

    def test_a_surplus_word_finds_titles_with_the_most_words(self, movies: Make):
        movies(("Red Shoes", 5), ("Red", 90), "Red River Blue", ("Blue", 7), ("Green", 9_000))
        assert found("red river blue moon") == ["Red River Blue", "Red", "Blue", "Red Shoes"]

    def test_a_surplus_word_keeps_joined_and_split_words(self, movies: Make):
        movies("Spiderman", ("Spider Boy", 5), ("Iron Man", 9), "Spider-Man Again", "Manhattan")
        assert found("spider man zzz") == ["Spiderman", "Spider-Man Again", "Iron Man", "Spider Boy"]

    def test_years_are_not_misspelt(self, movies: Make):
        movies("Quinn Returns (2008)", ("Harbor (2009)", 3), ("Batman Returns", 2), ("Pier (2008)", 9))
        assert found("returns 2009") == ["Harbor (2009)", "Batman Returns", "Quinn Returns (2008)"]
        movies("Return (2009)")
        assert found("returns 2009") == ["Return (2009)"]

    def test_joined_and_split_spellings_find_the_title(self, movies: Make):
        cases = {
            "mash": "M*A*S*H",
            "M.A.S.H": "M*A*S*H",
            "m a s h": "M*A*S*H",
            "\uff4d\uff41\uff53\uff48": "M*A*S*H",
            "swat": "S.W.A.T.",
            "f.b.i.": "FBI",
            "walle": "WALL\u00b7E",
            "wall-e": "WALL\u00b7E",
            "wall e": "WALL\u00b7E",
            "spiderman": "Spider-Man",
            "spider man": "Spider-Man",
            "ironman": "Iron Man",
            "iron-man": "Iron Man",
            "super-man": "Superman",
            "super man": "Superman",
            "faceoff": "Face/Off",
            "oceans eleven": "Ocean's Eleven",
            "ocean\u2019s eleven": "Ocean's Eleven",
            "ocean s eleven": "Ocean's Eleven",
            "schindler's list": "Schindlers List",
            "fast and furious": "Fast & Furious",
            "fast&furious": "Fast & Furious",
            "thelma & louise": "Thelma and Louise",
            "romeo and juliet": "Romeo + Juliet",
            "q&a": "Q and A",
            "att": "AT&T",
            "911": "9/11",
            "alien3": "Alien\u00b3",
            "alien 3": "Alien\u00b3",
            "pokemon": "Pok\u00e9mon\u2122",
        }
        noise = ("Mashed Swatch Main Math", "Waller Fast Spidermann", "Off", "Iron", "Fast", "Louise")
        assert_found_first(movies, cases, *((title, 9_000) for title in noise))
        movies(*(f"{title} Returns" for title in set(cases.values())))
        more = {f"{q} returns": [f"{title} Returns"] for q, title in cases.items()}
        assert {q: found(q) for q in more} == more

    def test_accents_and_letter_forms_are_ignored_in_every_script(self, movies: Make):
        assert_found_first(
            movies,
            {
                "\u0627\u0644\u0642\u0627\u0647\u0631\u0629": (
                    "\u0627\u0644\u0642\u064e\u0627\u0647\u0650\u0631\u064e\u0629"
                ),
                "\u05e9\u05dc\u05d5\u05dd": "\u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd",
                "\u043c\u043e\u0438 \u0435\u043b\u043a\u0438": "\u041c\u043e\u0439 \u0401\u043b\u043a\u0438",
                "\u03bf\u03b4\u03c5\u03c3\u03c3\u03b5\u03b9\u03b1": (
                    "\u1f48\u03b4\u03cd\u03c3\u03c3\u03b5\u03b9\u03b1"
                ),
                "\u039f\u0394\u039f\u03a3": "\u03bf\u03b4\u03cc\u03c2",
                "\u091c\u093f\u0902\u0926\u0917\u0940": "\u091c\u093c\u093f\u0902\u0926\u0917\u0940",
                "\uff76\uff9e\uff92\uff97": "\u30ac\u30e1\u30e9",
                "\u1112\u1161\u11ab": "\ud55c",
                "ho chi minh": "H\u1ed3 Ch\u00ed Minh",
                "\u0645\u06cc\u062e\u0648\u0627\u0647\u0645": "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
            },
        )

    def test_marks_that_make_another_word_are_kept(self, movies: Make):
        """Vowels of Devanagari, the voicing of kana, tones of Thai."""
        pairs = [
            ("\u0915\u0940", "\u0915\u093f"),
            ("\u304c", "\u304b"),
            ("\u0e01\u0e49\u0e32", "\u0e01\u0e48\u0e32"),
        ]
        movies(*itertools.chain(*pairs))
        for one, other in pairs:
            assert (found(one), found(other)) == ([one], [other])

    def test_any_spelling_of_any_title_finds_it(self, movies: Make):
        @settings(max_examples=self.examples, suppress_health_check=list(HealthCheck))
        @given(st.lists(titles, min_size=5, max_size=10, unique=True))
        def hold(drawn: list[str]) -> None:
            Movie.objects.all().delete()
            ids = dict(zip(movies(*drawn), drawn, strict=True))
            for movie_id, title in ids.items():
                for variant in variants(title):
                    assert movie_id in search(variant, limit=20), (title, variant)

        hold()

    def test_hidden_movies_are_found_only_when_asked_for(self, movies: Make):
        hide_movies(actor="test", movie_ids=[movie("Spider-Man").pk])
        movies()
        assert found("spiderman") == []
        assert found("spiderman", hidden=True) == found("spiderman", hidden=None) == ["Spider-Man"]

    def test_a_genre_filters_every_reading(self, movies: Make):
        movie("Red River", western=100)
        movie("Red Shoes", musical=100)
        movies()
        for q in ("red", "rde", "red zzz"):
            assert found(q, genre="western") == ["Red River"]

    def test_pages_of_a_search_follow_each_other(self, movies: Make):
        movies(*(f"Rocky {number}" for number in range(30)))
        for q in ("rocky", "rokcy", "rocky zzz"):
            pages = [search(q, limit=7, offset=offset) for offset in range(0, 35, 7)]
            assert [len(page) for page in pages] == [7, 7, 7, 7, 2]
            assert [movie_id for page in pages for movie_id in page] == search(q, limit=100)
            assert search(q, limit=10, offset=500) == []
