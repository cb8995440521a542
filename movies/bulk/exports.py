"""Exports: streams movies as a file in bounded memory."""

import itertools
import zlib
from collections.abc import Callable, Iterable, Iterator

from django.db.models import QuerySet

from movies.bulk.file_format import heading, lines_of
from movies.bulk.text_file import GZIP_WINDOW
from movies.models import Movie

BATCH_ROWS = 2_000


def export_chunks(
    form: str, progress: Callable[[int], None] = lambda done: None, *, movies: QuerySet[Movie] | None = None
) -> Iterator[bytes]:
    """The file in chunks, as of one instant, in order of the ids; `progress` is called with how many are written.

    `movies` defaults to all. Needs the caller's transaction: a server-side cursor that outlives one needs a database
    session of its own, which no pooler gives.
    """
    yield heading(form)
    movies = Movie.objects.all() if movies is None else movies
    rows = movies.order_by("id").values_list("id", "title", "hidden", "profile")
    remaining = rows.iterator(chunk_size=BATCH_ROWS)
    done = 0
    while batch := list(itertools.islice(remaining, BATCH_ROWS)):
        yield lines_of(batch, form)
        done += len(batch)
        progress(done)


def compressed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The chunks as one gzip file."""
    gzip = zlib.compressobj(wbits=GZIP_WINDOW)
    for chunk in chunks:
        yield gzip.compress(chunk)
    yield gzip.flush()
