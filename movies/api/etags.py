"""Entity tags: a movie's version in HTTP, in ETag, If-Match and If-None-Match (RFC 9110, 8.8.3 and 13.1)."""

import re

# One element of a list of tags: elements may be empty, and blanks may surround commas. Possessive quantifiers keep
# the time linear for malformed headers.
ELEMENT = re.compile(r'[ \t]*+((?:W/)?"[\x21\x23-\x7e\x80-\xff]*+")?+[ \t]*+(,|\Z)')
WEAK = "W/"


def etag(version: int) -> str:
    """The strong tag of a movie at this version."""
    return f'"{version}"'


def read_tags(header: str) -> frozenset[str] | None:
    """The entity tags that an If-Match or If-None-Match lists, None for `*`. Raises ValueError for anything else."""
    if header.strip(" \t") == "*":
        return None
    tags = set()
    place = 0
    while place < len(header):
        element = ELEMENT.match(header, place)
        if element is None:
            raise ValueError("not a list of entity tags")
        if element[1]:
            tags.add(element[1])
        place = element.end()
    if not tags:
        raise ValueError("no entity tag")
    return frozenset(tags)


def not_modified(if_none_match: str, tag: str) -> bool:
    """Whether If-None-Match lists the (strong) tag. False for a malformed header."""
    try:
        held = read_tags(if_none_match)
    except ValueError:
        return False
    # A proxy that compresses an answer weakens its tag; If-None-Match compares weakly.
    return held is None or tag in {each.removeprefix(WEAK) for each in held}
