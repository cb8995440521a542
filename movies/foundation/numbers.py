"""The one reader of whole numbers that arrive as text: in addresses, forms and files. No Django."""

MAX_BIGINT = 2**63 - 1  # the largest id: what PostgreSQL's bigint holds


def whole_number(text: object, *, least: int = 1, most: int = MAX_BIGINT) -> int | None:
    """The number that `text` (str) spells in ASCII digits, if it is within the bounds; else None.

    Stricter than int(), which also takes signs, blanks, underscores and digits of other scripts, and than
    str.isdigit(), which also takes superscripts. Takes any object, so that a form's value can be passed as it is.
    """
    if not isinstance(text, str) or not (text.isascii() and text.isdigit()):
        return None
    digits = text.lstrip("0")
    if len(digits) > len(str(most)):  # int() of thousands of digits costs time, and raises from 4,300 on
        return None
    number = int(digits or "0")
    return number if least <= number <= most else None
