"""Parses whole numbers from URLs, forms and files, by one strict rule. No Django."""

MAX_BIGINT = 2**63 - 1  # the largest id: what PostgreSQL's bigint holds


def whole_number(text: object, *, least: int = 1, most: int = MAX_BIGINT) -> int | None:
    """The number that `text` has in ASCII digits, if it is within the bounds; else None.

    Stricter than int(), which also takes signs, blanks, underscores and digits of other scripts, and than
    str.isdigit(), which also takes superscripts. Accepts any object, so that callers pass form values unchecked.
    """
    if not isinstance(text, str) or not (text.isascii() and text.isdigit()):
        return None
    digits = text.lstrip("0")
    if len(digits) > len(str(most)):  # int() of thousands of digits costs time, and raises from 4,300 on
        return None
    number = int(digits or "0")
    return number if least <= number <= most else None
