"""The 15 genres, in the order of the weights in every profile."""

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
OVERALL = ""  # the key of the popularity list of all genres


def label(genre: str) -> str:
    """The name for people: `sci_fi` -> `Sci-fi`, `""` -> `Overall`."""
    return genre.replace("_", "-").capitalize() or "Overall"
