"""Searches of 300,000 titles, against reading one movie by id over the same HTTP connection."""

import http.client
import random
import time
from collections.abc import Callable, Iterator
from urllib.parse import quote

from django.db import connection

from benchmarks.measure import Context, Row, Web, row

REQUESTS = 400  # of each kind: enough for a 95th percentile, a few seconds in total
SEED = 7


def run(context: Context) -> list[Row]:
    context.seed()
    draw = random.Random(SEED)
    titles = _titles(draw)
    kinds: list[tuple[str, Callable[[], str]]] = [
        ("as it is written", lambda: draw.choice(titles)),
        ("misspelt", lambda: _misspelt(draw, draw.choice(titles))),
        ("as far as typed", lambda: _begun(draw, draw.choice(titles))),
        ("one word of it", lambda: draw.choice(draw.choice(titles).split())),
        ("words of two titles", lambda: f"{_word(draw, titles)} {_word(draw, titles)}"),
    ]
    with context.web() as web:
        read = _p95(web, (f"/tetraflix/movies/{draw.randint(1, context.movies)}" for _ in range(REQUESTS)))
        name = f"search {context.movies:,} titles, p95 (to reading a movie by id)"
        rows = []
        for kind, query in kinds:
            paths = (f"/tetraflix/movies?q={quote(query())}" for _ in range(REQUESTS))
            rows.append(row(f"{name}: {kind}", _p95(web, paths), "ms", baseline=read))
        pages = (f"/tetraflix/movies?ordering=-id&genre={genre}" for genre in ["drama", "western"] * 100)
        rows.append(
            row(
                f"last page of a genre, {context.movies:,} movies, p95", _p95(web, pages), "ms", baseline=read
            )
        )
    return rows


def _titles(draw: random.Random) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT title FROM movies_movie TABLESAMPLE BERNOULLI (1) REPEATABLE (7)")
        titles = [title for (title,) in cursor.fetchall()]
    draw.shuffle(titles)
    return titles


def _misspelt(draw: random.Random, title: str) -> str:
    """The title with two neighbouring letters of its longest word swapped."""
    word = max(title.split(), key=len)
    if len(word) < 4:
        return title
    place = draw.randrange(1, len(word) - 2)
    wrong = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    return title.replace(word, wrong, 1)


def _begun(draw: random.Random, title: str) -> str:
    return title[: max(3, draw.randrange(len(title)))]


def _word(draw: random.Random, titles: list[str]) -> str:
    return draw.choice(draw.choice(titles).split())


def _p95(web: Web, paths: Iterator[str]) -> float:
    """95th percentile of the latency in milliseconds, of sequential requests on one connection."""
    client = http.client.HTTPConnection("127.0.0.1", web.port, timeout=30)
    taken = []
    for path in paths:
        began = time.perf_counter()
        client.request("GET", path)
        answer = client.getresponse()
        answer.read()
        taken.append(1000 * (time.perf_counter() - began))
        assert answer.status == 200, (path, answer.status)
    client.close()
    taken.sort()
    return taken[len(taken) * 95 // 100]
