"""The 15 genres, in the order that every array of weights follows."""

GENRES = (
    "action",
    "animation",
    "comedy",
    "documentary",
    "drama",
    "family",
    "fantasy",
    "international",
    "horror",
    "musical",
    "mystery",
    "romance",
    "sci_fi",
    "thriller",
    "western",
)
GENRE_POSITION = {genre: position for position, genre in enumerate(GENRES)}
OVERALL = ""  # stands for "all genres" where a popularity list is kept by genre


def label(genre: str) -> str:
    """How a person reads it: `sci_fi` -> `Sci-fi`, `""` -> `Overall`."""
    return genre.replace("_", "-").capitalize() or "Overall"
