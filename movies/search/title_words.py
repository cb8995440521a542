"""A search as the titles' own words have it: how it is spelled, which of its words are known, which are near.

Every look-up is bounded, whatever is asked.
"""

import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.db import connection

from movies.profiles import MAX_TITLE_LENGTH
from movies.search.spelling import (
    MOST_RESULTS,
    SHORTEST_PREFIX,
    AllOf,
    SomeOf,
    literal,
    misspelt,
    parsed,
    some,
    spellings,
)

LONGEST_QUERY = MAX_TITLE_LENGTH  # characters; what comes after them is not looked at

KNOWN = "SELECT word, titles FROM movies_word WHERE word = ANY (%s) AND titles > 0"

# Near in spelling: by their trigrams, and, because a swapped pair of letters leaves a short word few of its
# trigrams, by edits among the words with the same first letter.
NEAR = """
SELECT asked, word, titles FROM unnest(%s::text[]) AS asked, LATERAL (
    (SELECT word, titles FROM movies_word ORDER BY word <-> asked LIMIT 40)
    UNION
    (SELECT word, titles FROM movies_word
     WHERE word >= left(asked, 1) COLLATE "C" AND word < (left(asked, 1) || U&'\\+10FFFF') COLLATE "C"
         AND length(word) BETWEEN length(asked) - 2 AND length(asked) + 2
         AND CASE WHEN octet_length(word) < 250 AND octet_length(asked) < 250
                  THEN levenshtein_less_equal(word, asked, 2) <= 2 END
     LIMIT 300)
) AS near
WHERE titles > 0
"""

Reading = AllOf | SomeOf
Engine = Callable[[Reading, int], list[int]]  # the first so many ids that a reading finds


def first_found(q: str, engine: Engine, *, limit: int, offset: int = 0) -> list[int]:
    """A page of what the most literal reading that finds anything finds; nothing beyond MOST_RESULTS."""
    most = min(offset + limit, MOST_RESULTS)
    if offset >= most:
        return []
    found = (engine(reading, most) for reading in readings(q))
    return next((ids[offset:most] for ids in found if ids), [])


def readings(q: str) -> Iterator[Reading]:
    """What the query may mean, the most literal first."""
    query = parsed(_spelled(q))
    if not query.words:
        return
    known = dict(_rows(KNOWN, [list(spellings(query))]))
    yield literal(query, known)
    if len(query.whole) < SHORTEST_PREFIX:
        return
    near = _near({spelling for word in query.words for spelling in (word.joined, *word.parts)})
    yield misspelt(query, near)
    yield from some(query, known, near)


def terms_of(titles: list[str]) -> list[list[str]]:
    """What finds each of the titles: its words, and all of it."""
    rows = _rows(
        "SELECT tsvector_to_array(movies_terms(title)) FROM unnest(%s::text[]) WITH ORDINALITY AS t (title, place)"
        " ORDER BY place",
        [titles],
    )
    return [terms for (terms,) in rows]


def _spelled(q: str) -> str:
    text = unicodedata.normalize("NFC", q)[:LONGEST_QUERY].encode(errors="ignore").decode()
    ((spelled,),) = _rows("SELECT movies_spelled(%s)", ["".join(c if c >= " " else " " for c in text)])
    return str(spelled)


def _near(words: Iterable[str]) -> dict[str, dict[str, int]]:
    near: dict[str, dict[str, int]] = {}
    for asked, word, titles in _rows(NEAR, [list(words)]):
        near.setdefault(asked, {})[word] = titles
    return near


def _rows(sql: str, parameters: Any) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()
