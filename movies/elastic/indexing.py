"""Keeping the search index right: by the change log, or rebuilt into a new index that takes over at once."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection
from elasticsearch import Elasticsearch, NotFoundError
from elasticsearch.helpers import streaming_bulk

from movies.elastic.connection import client
from movies.elastic.documents import ALIAS, INDICES, MovieDocument
from movies.genres import GENRES
from movies.models import Inventory, Movie, MovieChange, ViewCount
from movies.vocabulary import terms_of

logger = logging.getLogger(__name__)

CHUNK = 2_000  # movies read and sent together
STATE = "tetraflix-search-state"  # one document an index: the id of the last change that is in it
BULK_LOAD = 1_000_000  # the inventory's version jumps by this when movies were loaded without change records
KEEPS_UP = 0x7E5E  # advisory locks: one process at a time keeps the index right,
REBUILDS = 0x7E5F  # and one rebuilds it
STALE_VERSION = 409
GONE_TITLE = ""
GONE_PROFILE = [0] * len(GENRES)


class IndexIncompleteError(Exception):
    """The change log alone cannot bring an index up to date; the message says why."""


@dataclass(slots=True)
class Indexed:
    """What a run did."""

    movies: int = 0
    index: str = ""


def keep_up() -> Indexed:
    """Every change committed before this call is in the index in use; or another process is at it.

    Rebuilds the index when changes alone cannot bring it there. Raises what `rebuild` raises.
    """
    with _only_one(KEEPS_UP) as alone:
        if not alone:
            return Indexed()
        elasticsearch = client()
        index = index_in_use(elasticsearch)
        try:
            if index is None:
                raise IndexIncompleteError("there is no search index")
            return Indexed(_catch_up(elasticsearch, index), index)
        except IndexIncompleteError as error:
            logger.info("rebuilding the search index: %s", error)
            return rebuild()


def rebuild(progress: Callable[[int], object] = lambda movies: None) -> Indexed:
    """A new index holds the inventory, changes made meanwhile included, and the old one is gone.

    Searches see the old one until the new one takes over, in one step. A rebuild that is cut off changes
    nothing. Nothing is done while another process rebuilds. `progress` is told how many movies came in.
    Raises connection.AWAY, or IndexIncompleteError when many movies were loaded meanwhile: try again then.
    """
    with _only_one(REBUILDS) as alone:
        if not alone:
            return Indexed()
        elasticsearch = client()
        # First the version, then the movies, which may be newer: catching up sends those changes again.
        start = _inventory_version()
        index = f"{ALIAS}-{datetime.now(UTC):%Y%m%d%H%M%S%f}"
        definition = MovieDocument._index.to_dict()
        elasticsearch.indices.create(
            index=index, mappings=definition["mappings"], settings=definition["settings"]
        )
        done = Indexed(index=index)
        last = 0
        while movies := _movies_after(last):
            done.movies += _send(elasticsearch, index, movies)
            last = movies[-1].id
            progress(len(movies))
        _note(elasticsearch, index, start)
        _catch_up(elasticsearch, index)
        elasticsearch.indices.refresh(index=index)
        _take_over(elasticsearch, index)
        return done


def index_in_use(elasticsearch: Elasticsearch) -> str | None:
    """The index that searches see; None before the first rebuild."""
    try:
        return next(iter(elasticsearch.indices.get_alias(name=ALIAS).keys()))
    except NotFoundError:
        return None


def _catch_up(elasticsearch: Elasticsearch, index: str) -> int:
    """Sends what changed since the index was last noted. Raises IndexIncompleteError."""
    sent = 0
    position = _noted(elasticsearch, index)
    while True:
        changes = list(MovieChange.objects.filter(id__gt=position).order_by("id")[:CHUNK])
        _check_complete(position, [change.id for change in changes])
        if not changes:
            return sent
        latest = {change.movie_id: change for change in changes}
        views = dict(ViewCount.objects.filter(movie__in=latest).values_list("movie_id", "views"))
        sent += _send(elasticsearch, index, [_as_of(change, views) for change in latest.values()])
        position = changes[-1].id
        _note(elasticsearch, index, position)


def _check_complete(position: int, ids: Sequence[int]) -> None:
    if not ids:
        if _inventory_version() > position:
            raise IndexIncompleteError("movies were loaded without change records")
        return
    if any(after - before >= BULK_LOAD for before, after in zip([position, *ids], ids, strict=False)):
        raise IndexIncompleteError("movies were loaded without change records")
    if ids[0] > position + 1 and not MovieChange.objects.filter(id__lte=position).exists():
        raise IndexIncompleteError("changes were cleaned up before they were indexed")


def _as_of(change: MovieChange, views: dict[int, int]) -> Movie:
    state = change.after or {"title": GONE_TITLE, "profile": GONE_PROFILE, "hidden": True}
    movie = Movie(id=change.movie_id, version=change.version, **state)
    movie.deleted = change.after is None  # type: ignore[attr-defined]
    movie.views = views.get(change.movie_id, 0)  # type: ignore[attr-defined]
    return movie


def _movies_after(last: int) -> list[Movie]:
    movies = list(Movie.objects.filter(id__gt=last).order_by("id").select_related("viewcount")[:CHUNK])
    for movie in movies:
        movie.views = movie.viewcount.views if hasattr(movie, "viewcount") else 0  # type: ignore[attr-defined]
    return movies


def _send(elasticsearch: Elasticsearch, index: str, movies: Sequence[Movie]) -> int:
    for movie, terms in zip(movies, terms_of([movie.title for movie in movies]), strict=True):
        movie.terms = terms  # type: ignore[attr-defined]
    document = MovieDocument()
    actions = (document.action(movie, index) for movie in movies)
    sent = 0
    for accepted, item in streaming_bulk(elasticsearch, actions, chunk_size=CHUNK, raise_on_error=False):
        if accepted:
            sent += 1
        elif item["index"]["status"] != STALE_VERSION:
            raise RuntimeError(f"a movie was refused: {item['index'].get('error')}")
    return sent


def _noted(elasticsearch: Elasticsearch, index: str) -> int:
    try:
        return int(elasticsearch.get(index=STATE, id=index)["_source"]["change_id"])
    except NotFoundError:
        raise IndexIncompleteError("nothing says what the search index holds") from None


def _note(elasticsearch: Elasticsearch, index: str, change_id: int) -> None:
    elasticsearch.index(index=STATE, id=index, document={"change_id": change_id})


def _take_over(elasticsearch: Elasticsearch, index: str) -> None:
    others = [name for name in elasticsearch.indices.get(index=f"{INDICES}-*") if name != index]
    in_use = [name for name in others if elasticsearch.indices.exists_alias(index=name, name=ALIAS)]
    elasticsearch.indices.update_aliases(
        actions=[
            *({"remove": {"index": name, "alias": ALIAS}} for name in in_use),
            {"add": {"index": index, "alias": ALIAS}},
        ]
    )
    for name in others:  # those of rebuilds that were cut off, too
        elasticsearch.indices.delete(index=name, ignore_unavailable=True)
        elasticsearch.options(ignore_status=404).delete(index=STATE, id=name)


def _inventory_version() -> int:
    return Inventory.objects.values_list("version", flat=True).get()


@contextmanager
def _only_one(lock: int) -> Iterator[bool]:
    """Whether nobody else holds the lock; held until the end, or the end of the connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [lock])
        (alone,) = cursor.fetchone()
        try:
            yield alone
        finally:
            if alone:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [lock])
