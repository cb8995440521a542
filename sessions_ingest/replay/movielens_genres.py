"""Maps MovieLens' genres onto the 15, and makes a profile of a movie's genres. No Django."""

from collections.abc import Collection

from movies.genres import GENRES
from movies.profiles import TOTAL

# Adventure, Children, Crime, Film-Noir and War have no genre of their own here. IMAX is a format, not a genre.
# Nothing is mapped onto `international`, because MovieLens has no such genre.
GENRE_OF = {
    "Action": "action",
    "Adventure": "action",
    "Animation": "animation",
    "Children": "family",
    "Comedy": "comedy",
    "Crime": "thriller",
    "Documentary": "documentary",
    "Drama": "drama",
    "Fantasy": "fantasy",
    "Film-Noir": "mystery",
    "Horror": "horror",
    "Musical": "musical",
    "Mystery": "mystery",
    "Romance": "romance",
    "Sci-Fi": "sci_fi",
    "Thriller": "thriller",
    "War": "drama",
    "Western": "western",
    "IMAX": None,
}
# other spellings; None: the file says that it knows no genre
SPELLINGS = {"Children's": "Children", "(no genres listed)": None, "unknown": None, "": None}
# the order of the flags in u.item, as in the u.genre of MovieLens 100K
FLAGS = (
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
)


def mapped(names: Collection[str]) -> frozenset[str]:
    """The genres of the 15 that MovieLens' names are mapped onto; may be empty. Raises ValueError with a sentence."""
    genres = set()
    for name in names:
        known = SPELLINGS.get(name, name)
        if known is not None and known not in GENRE_OF:
            raise ValueError(f"{name!r} is not a genre of MovieLens.")
        genres.add(GENRE_OF[known] if known else None)
    return frozenset(genre for genre in genres if genre)


def profile(genres: Collection[str]) -> tuple[int, ...]:
    """The profile that divides 100 equally among the genres, or among all 15 where there are none.

    Shares are rounded down; what is left goes one each to the first genres, in the order of GENRES.
    """
    chosen = [genre for genre in GENRES if genre in genres] or GENRES
    share, left = divmod(TOTAL, len(chosen))
    weights = {genre: share + (place < left) for place, genre in enumerate(chosen)}
    return tuple(weights.get(genre, 0) for genre in GENRES)
