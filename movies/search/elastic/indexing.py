"""Keeps the search index up to date from the change log, or rebuilds it as a new index that replaces the old one."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from elasticsearch import BadRequestError, Elasticsearch, NotFoundError
from elasticsearch.helpers import streaming_bulk

from movies.foundation.leases import Lease, LeaseLost, lease
from movies.genres import GENRES
from movies.models import Inventory, Movie, MovieChange, ViewCount
from movies.search.elastic.connection import ELASTICSEARCH_UNAVAILABLE, client
from movies.search.elastic.documents import ALIAS, INDICES, MovieDocument
from movies.search.title_words import terms_of
from movies.viewing.view_counting import views_of

logger = logging.getLogger(__name__)

BATCH_MOVIES = 2_000  # read and sent at once
STATE = "tetraflix-search-state"  # one document per index: the id of the last change in it
BULK_LOAD = 1_000_000  # the inventory's version skips this many numbers at a load without change records
STATE_MAPPINGS = {"dynamic": "strict", "properties": {"change_id": {"type": "long"}}}
STATE_SETTINGS = {"number_of_shards": 1, "auto_expand_replicas": "0-1"}
INDEXING_LEASE = "the search index"  # one process at a time indexes changes,
REBUILD_LEASE = "a rebuild of the search index"  # and one rebuilds
LEASE_SECONDS = 90.0  # renewed before each request, which takes at most BULK_SECONDS
MAX_AGE = timedelta(days=1)
CREATED_AT = "%Y%m%d%H%M%S%f"  # format of the end of an index's name
STALE_VERSION = 409
DELETED_TITLE = ""
DELETED_PROFILE = [0] * len(GENRES)


class IndexIncompleteError(Exception):
    """The change log is not enough to update the index; the message says why."""


class IndexRefusedError(Exception):
    """Elasticsearch rejected a movie."""


REBUILD_ERRORS = (*ELASTICSEARCH_UNAVAILABLE, IndexIncompleteError, IndexRefusedError, LeaseLost)


@dataclass(slots=True)
class Indexed:
    """The result of a run."""

    movies: int = 0
    index: str = ""


def catch_up() -> Indexed:
    """Sends every change committed before this call to the index in use; rebuilds it if that is not enough.

    Raises leases.LeaseHeld while another process does so, and what `rebuild` raises.
    """
    with lease(INDEXING_LEASE, seconds=LEASE_SECONDS) as mine:
        elasticsearch = client()
        index = index_in_use(elasticsearch)
        try:
            if index is None:
                raise IndexIncompleteError("there is no search index")
            return Indexed(_send_changes(elasticsearch, index, mine), index)
        except IndexIncompleteError as error:
            logger.info("rebuilding the search index: %s", error)
            return rebuild(held=mine)


def rebuild(progress: Callable[[int], object] = lambda movies: None, *, held: Lease | None = None) -> Indexed:
    """Replaces the index by a new one with the whole inventory, including changes made during the rebuild.

    Searches use the old index until the new one replaces it, in one step. A failed rebuild removes its index, and the
    next rebuild removes that of a killed one, so that there is at most one beside the index in use. `progress` is
    called with the number of movies of each batch; `held` is a lease of the caller to renew as well. Raises
    LeaseHeld while another process rebuilds, ELASTICSEARCH_UNAVAILABLE, LeaseLost, IndexRefusedError, and
    IndexIncompleteError when many movies were loaded meanwhile, after which the caller may try again.
    """
    with lease(REBUILD_LEASE, seconds=LEASE_SECONDS) as mine:
        elasticsearch = client()
        create_index(elasticsearch, STATE, STATE_MAPPINGS, STATE_SETTINGS)
        _remove_all_but(elasticsearch, index_in_use(elasticsearch))
        definition = MovieDocument._index.to_dict()
        index = f"{ALIAS}-{datetime.now(UTC):{CREATED_AT}}"
        try:
            create_index(elasticsearch, index, definition["mappings"], definition["settings"])
            return _fill(elasticsearch, index, progress, [mine, *filter(None, [held])])
        except BaseException:
            remove_index(elasticsearch, index)
            raise


def is_old() -> bool:
    """Whether the index in use is older than a day. Raises ELASTICSEARCH_UNAVAILABLE."""
    index = index_in_use(client())
    if index is None:
        return False  # catch_up creates the first one
    try:
        created = datetime.strptime(index.removeprefix(f"{ALIAS}-"), CREATED_AT).replace(tzinfo=UTC)
    except ValueError:
        return True
    return datetime.now(UTC) - created > MAX_AGE


def _fill(
    elasticsearch: Elasticsearch, index: str, progress: Callable[[int], object], leases: Sequence[Lease]
) -> Indexed:
    # The version is read before the movies, which may be newer; catching up sends those changes again.
    start = _inventory_version()
    done = Indexed(index=index)
    last = 0
    while movies := _movies_after(last):
        for each in leases:
            each.renew()
        done.movies += send_movies(elasticsearch, index, movies)
        last = movies[-1].id
        progress(len(movies))
    save_position(elasticsearch, index, start)
    _send_changes(elasticsearch, index, *leases)
    elasticsearch.indices.refresh(index=index)
    for each in leases:
        each.renew()
    switch_to(elasticsearch, index)
    return done


def index_in_use(elasticsearch: Elasticsearch) -> str | None:
    """The index that searches use; None before the first rebuild."""
    try:
        return next(iter(elasticsearch.indices.get_alias(name=ALIAS).keys()))
    except NotFoundError:
        return None


def _send_changes(elasticsearch: Elasticsearch, index: str, *leases: Lease) -> int:
    """Sends the changes since the index's saved position; returns how many movies. Raises IndexIncompleteError."""
    sent = 0
    position = _saved_position(elasticsearch, index)
    while True:
        changes = list(MovieChange.objects.filter(id__gt=position).order_by("id")[:BATCH_MOVIES])
        _check_complete(position, [change.id for change in changes])
        if not changes:
            return sent
        for each in leases:
            each.renew()
        latest = {change.movie_id: change for change in changes}
        views = dict(ViewCount.objects.filter(movie__in=latest).values_list("movie_id", "views"))
        sent += send_movies(elasticsearch, index, [movie_after(change, views) for change in latest.values()])
        position = changes[-1].id
        save_position(elasticsearch, index, position)


def _check_complete(position: int, ids: Sequence[int]) -> None:
    if not ids:
        if _inventory_version() > position:
            raise IndexIncompleteError("movies were loaded without change records")
        return
    if any(after - before >= BULK_LOAD for before, after in zip([position, *ids], ids, strict=False)):
        raise IndexIncompleteError("movies were loaded without change records")
    if ids[0] > position + 1 and not MovieChange.objects.filter(id__lte=position).exists():
        raise IndexIncompleteError("changes were cleaned up before they were indexed")


def movie_after(change: MovieChange, views: dict[int, int]) -> Movie:
    """The movie as the change left it, with its views; a deleted one is marked."""
    state = change.after or {"title": DELETED_TITLE, "profile": DELETED_PROFILE, "hidden": True}
    movie = Movie(id=change.movie_id, version=change.version, **state)
    movie.deleted = change.after is None  # type: ignore[attr-defined]
    movie.views = views.get(change.movie_id, 0)  # type: ignore[attr-defined]
    return movie


def _movies_after(last: int) -> list[Movie]:
    movies = list(Movie.objects.filter(id__gt=last).order_by("id").select_related("viewcount")[:BATCH_MOVIES])
    for movie in movies:
        movie.views = views_of(movie)  # type: ignore[attr-defined]
    return movies


def send_movies(elasticsearch: Elasticsearch, index: str, movies: Sequence[Movie]) -> int:
    for movie, terms in zip(movies, terms_of([movie.title for movie in movies]), strict=True):
        movie.terms = terms  # type: ignore[attr-defined]
    document = MovieDocument()
    actions = (document.action(movie, index) for movie in movies)
    sent = 0
    for accepted, item in streaming_bulk(
        elasticsearch, actions, chunk_size=BATCH_MOVIES, raise_on_error=False
    ):
        if accepted:
            sent += 1
        elif item["index"]["status"] != STALE_VERSION:
            raise IndexRefusedError(f"a movie was rejected: {item['index'].get('error')}")
    return sent


def _saved_position(elasticsearch: Elasticsearch, index: str) -> int:
    try:
        return int(elasticsearch.get(index=STATE, id=index)["_source"]["change_id"])
    except NotFoundError:
        raise IndexIncompleteError("the search index has no saved position") from None


def save_position(elasticsearch: Elasticsearch, index: str, change_id: int) -> None:
    elasticsearch.index(index=STATE, id=index, document={"change_id": change_id})


def switch_to(elasticsearch: Elasticsearch, index: str) -> None:
    old = index_in_use(elasticsearch)
    removed = [{"remove": {"index": old, "alias": ALIAS}}] if old else []
    elasticsearch.indices.update_aliases(actions=[*removed, {"add": {"index": index, "alias": ALIAS}}])
    _remove_all_but(elasticsearch, index)


def create_index(elasticsearch: Elasticsearch, index: str, mappings: object, settings: object) -> None:
    """Creates the index if it does not exist: clusters may forbid creation by a write (action.auto_create_index)."""
    try:
        elasticsearch.indices.create(index=index, mappings=mappings, settings=settings)  # type: ignore[arg-type]
    except BadRequestError as error:
        if error.error != "resource_already_exists_exception":
            raise


def _remove_all_but(elasticsearch: Elasticsearch, kept: str | None) -> None:
    """Removes all other indices of movies, which killed rebuilds may have left."""
    names = elasticsearch.indices.get(index=f"{INDICES}-*", filter_path="*.settings.index.uuid")
    for name in names:
        if name != kept:
            _delete(elasticsearch, name)


def remove_index(elasticsearch: Elasticsearch, index: str) -> None:
    try:
        _delete(elasticsearch, index)
    except ELASTICSEARCH_UNAVAILABLE as error:  # the next rebuild removes it
        logger.warning("index %s could not be removed: %s", index, error)


def _delete(elasticsearch: Elasticsearch, index: str) -> None:
    elasticsearch.indices.delete(index=index, ignore_unavailable=True)
    elasticsearch.options(ignore_status=404).delete(index=STATE, id=index)


def _inventory_version() -> int:
    return Inventory.objects.values_list("version", flat=True).get()
