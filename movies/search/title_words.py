"""Looks up the words of a query in the vocabulary of all titles, and runs its readings one after the other.

Every look-up is bounded, whatever the query.
"""

import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.db import connection

from movies.profiles import MAX_TITLE_LENGTH
from movies.search.spelling import (
    MAX_RESULTS,
    MIN_PREFIX_LENGTH,
    AllOf,
    Meaning,
    SomeOf,
    literal,
    misspelt,
    parsed,
    some,
    spellings,
    tsquery,
)

MAX_QUERY_LENGTH = MAX_TITLE_LENGTH  # characters; later ones are ignored

# The vocabulary has no whole titles; of these it is enough to know whether there is one.
KNOWN = """
SELECT word, titles FROM movies_word WHERE word = ANY (%s) AND titles > 0
UNION ALL
SELECT %s, 1 WHERE EXISTS (SELECT FROM movies_movie WHERE movies_terms(title) @@ %s::tsquery)
"""

# Words with similar trigrams; and, because two swapped letters change most trigrams of a short word, words with the
# same first letter within two edits.
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
Engine = Callable[[Reading, int], list[int]]  # the first ids that a reading finds, at most this many


def first_found(q: str, engine: Engine, *, limit: int, offset: int = 0) -> list[int]:
    """A page of the results of the most literal reading that finds anything; none beyond MAX_RESULTS."""
    end = min(offset + limit, MAX_RESULTS)
    if offset >= end:
        return []
    found = (engine(reading, end) for reading in readings(q))
    return next((ids[offset:end] for ids in found if ids), [])


def readings(q: str) -> Iterator[Reading]:
    """The readings of the query, the most literal first."""
    query = parsed(_spelled(q))
    if not query.words:
        return
    title = query.title
    known = dict(_rows(KNOWN, [list(spellings(query)), title, tsquery([Meaning((title,))])]))
    if (reading := literal(query, known)).tiers:
        yield reading
    if len(query.whole) < MIN_PREFIX_LENGTH:
        return
    near = _near({spelling for word in query.words for spelling in (word.joined, *word.parts)})
    if (reading := misspelt(query, near)).tiers:
        yield reading
    yield from some(query, known, near)


def terms_of(titles: list[str]) -> list[list[str]]:
    """The terms that find each of the titles: its words, and the whole title."""
    rows = _rows(
        "SELECT tsvector_to_array(movies_terms(title)) FROM unnest(%s::text[]) WITH ORDINALITY AS t (title, place)"
        " ORDER BY place",
        [titles],
    )
    return [terms for (terms,) in rows]


def _spelled(q: str) -> str:
    text = unicodedata.normalize("NFC", q)[:MAX_QUERY_LENGTH].encode(errors="ignore").decode()
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
