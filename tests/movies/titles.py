"""Which texts are titles in their stored form: filters what hypothesis generates."""

from movies.inventory.titles import normalize


def is_title(text: str) -> bool:
    try:
        return normalize(text) == text
    except ValueError:
        return False
