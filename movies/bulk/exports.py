"""Movies as a file, streamed: memory is bounded, whatever its size."""

import itertools
import zlib
from collections.abc import Callable, Iterable, Iterator

from django.db.models import QuerySet

from movies.bulk.file_format import heading, lines_of
from movies.models import Movie

ROWS_AT_ONCE = 2_000
GZIP = 16 + zlib.MAX_WBITS


def export_chunks(
    form: str, progress: Callable[[int], None] = lambda done: None, *, movies: QuerySet[Movie] | None = None
) -> Iterator[bytes]:
    """The file piece by piece, as of one instant, in order of the ids. `progress`: told how many are out.

    `movies`: which ones; all, if none are given. In the caller's transaction: a server-side cursor that outlives one
    needs a database session of its own, which no pooler gives.
    """
    yield heading(form)
    chosen = Movie.objects.all() if movies is None else movies
    rows = chosen.order_by("id").values_list("id", "title", "hidden", "profile")
    read = rows.iterator(chunk_size=ROWS_AT_ONCE)
    done = 0
    while some := list(itertools.islice(read, ROWS_AT_ONCE)):
        yield lines_of(some, form)
        done += len(some)
        progress(done)


def compressed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces as one gzip file."""
    gzip = zlib.compressobj(wbits=GZIP)
    for piece in pieces:
        yield gzip.compress(piece)
    yield gzip.flush()
