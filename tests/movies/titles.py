"""Which texts are titles in their stored form: filters what hypothesis generates."""

from movies.inventory.titles import tidy


def is_title(text: str) -> bool:
    try:
        return tidy(text) == text
    except ValueError:
        return False
