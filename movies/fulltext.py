"""Search in PostgreSQL: titles with all the words asked for, or else with what the words may have meant.

Every step looks at a bounded number of rows, so that no query takes long, whatever is asked.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db import connection

from movies.genres import GENRE_POSITION
from movies.matching import (
    LONGEST_WORD,
    MOST_WORDS,
    SHORTEST_PREFIX,
    as_written,
    conjunction,
    disjunction,
    joins,
    misspelt,
    splits,
)

LONGEST_QUERY = 200  # characters; what comes after them is not looked at
MOST_RESULTS = 500  # the farthest that a client can page
MOST_COMPARED = 1_500  # titles with all the words: so many are all compared with the query
# Of more, some are compared: so many that begin like the query, in the order of the alphabet (the exact one
# is first), those among so many movies from the most popular down, and so many others.
MOST_BEGINNING = 300
MOST_WALKED = 1_500
MOST_OTHERS = 500
LEAST_SIMILARITY = 0.3  # of titles that have only some of the words

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

# The sub-selects with OFFSET 0 compute each likeness once: it is most of the work (4 us a title). Of titles
# with all the words the shortest are the likest, so only those are compared.
RANKED = """
SELECT likened.id
FROM (
    SELECT id, views, plain, {likeness} AS likeness
    FROM (
        SELECT id, views, movies_plain(title) AS plain
        FROM ({candidates}) AS found LEFT JOIN movies_viewcount ON movie_id = id
        {shortest} OFFSET 0
    ) AS named
    OFFSET 0
) AS likened
WHERE likeness >= %(least)s
ORDER BY plain = %(meant)s DESC, likeness DESC, views DESC NULLS LAST, id
LIMIT %(most)s
"""
SHORTEST = f"ORDER BY length(title), views DESC NULLS LAST, id LIMIT {MOST_RESULTS}"
LIKENESS = "similarity(plain, %(meant)s)"
LIKENESS_TO_BOTH = "greatest(similarity(plain, %(meant)s), similarity(plain, %(asked)s))"

# The sub-select with OFFSET 0 keeps the planner from walking another index in hope of an early end.
MATCHING = """
SELECT id, title FROM (
    SELECT id, title, profile, hidden FROM movies_movie
    WHERE movies_terms(title) @@ %(query)s::tsquery OFFSET 0
) AS matching
WHERE {visible} LIMIT {most}
"""

POPULAR = """
SELECT id, title FROM (
    SELECT id, title, profile, hidden FROM movies_viewcount JOIN movies_movie ON id = movie_id
    ORDER BY views DESC, movie_id LIMIT {walked}
) AS walked
WHERE movies_terms(title) @@ %(query)s::tsquery AND {visible}
"""

BEGINNING = """
SELECT id, title FROM movies_movie
WHERE movies_plain(title) COLLATE "C" >= %(asked)s
    AND movies_plain(title) COLLATE "C" < %(asked)s || U&'\\+10FFFF' AND NOT hidden AND {visible}
ORDER BY movies_plain(title) COLLATE "C", id LIMIT {beginning}
"""
# Of very many titles with the words: the popular ones, those that begin with them, and some more.
COMMON = f"{POPULAR} UNION ({BEGINNING}) UNION ({MATCHING})"


def find(
    q: str, *, genre: str | None = None, hidden: bool | None = False, limit: int, offset: int = 0
) -> list[int]:
    """Ids of movies for the query, best match first, more views first among equal ones.

    `hidden`: None for movies hidden or not. Nothing beyond the first MOST_RESULTS is ever found.
    """
    limit = min(limit, MOST_RESULTS - offset)
    words = _words(q)
    if not words or limit <= 0:
        return []
    return next(
        (found[offset : offset + limit] for found in _tries(words, _visible(genre, hidden)) if found), []
    )


def _tries(words: Sequence[str], visible: str) -> Iterator[list[int]]:
    """What each way to read the words finds, the most literal first."""
    asked = " ".join(words)
    words = list(dict.fromkeys(words))
    halves = (half for word in words for pair in splits(word) for half in pair)
    known = dict(_rows(KNOWN, [list({*words, *joins(words), *halves})]))
    meanings = as_written(words, known)
    common = min(known.get(word, 0) for word in words) > MOST_COMPARED
    yield _ranked(COMMON if common else MATCHING, conjunction(meanings), visible, asked=asked, meant=asked)
    if len(asked) < SHORTEST_PREFIX:
        yield _ranked(BEGINNING, "", visible, asked=asked, meant=asked)
        return
    near: dict[str, dict[str, int]] = {}
    for word, candidate, titles in _rows(NEAR, [words]):
        near.setdefault(word, {})[candidate] = titles
    meanings = misspelt(words, near)
    meant = " ".join(meaning.words[0] for meaning in meanings)
    yield _ranked(MATCHING, conjunction(meanings), visible, asked=asked, meant=meant)
    yield _ranked(MATCHING, disjunction(meanings), visible, asked=asked, meant=meant, least=LEAST_SIMILARITY)


def _ranked(
    candidates: str, query: str, visible: str, *, asked: str, meant: str, least: float = 0
) -> list[int]:
    sizes = {
        "most": MOST_OTHERS if candidates == COMMON else MOST_COMPARED,
        "walked": MOST_WALKED,
        "beginning": MOST_BEGINNING,
    }
    rows = _rows(
        RANKED.format(
            candidates=candidates.format(visible=visible, **sizes),
            likeness=LIKENESS if asked == meant else LIKENESS_TO_BOTH,
            shortest="" if least else SHORTEST,
        ),
        {"query": query, "asked": asked, "meant": meant, "least": least, "most": MOST_RESULTS},
    )
    return [movie_id for (movie_id,) in rows]


def _visible(genre: str | None, hidden: bool | None) -> str:
    """What else a result has to be, as SQL."""
    conditions = [] if hidden is None else ["hidden" if hidden else "NOT hidden"]
    if genre is not None:
        conditions.append(f"profile[{GENRE_POSITION[genre] + 1}] > 0")
    return " AND ".join(conditions) or "true"


def _words(q: str) -> list[str]:
    ((plain,),) = _rows(
        "SELECT movies_plain(%s)", ["".join(c if c >= " " else " " for c in q[:LONGEST_QUERY])]
    )
    return [word[:LONGEST_WORD] for word in plain.split()][:MOST_WORDS]


def _rows(sql: str, parameters: Any) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()
