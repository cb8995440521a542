"""Keeping the search index right: by the change log, or rebuilt into a new index that takes over at once."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from elasticsearch import BadRequestError, Elasticsearch, NotFoundError
from elasticsearch.helpers import streaming_bulk

from movies.foundation.leases import Lease, lease
from movies.genres import GENRES
from movies.models import Inventory, Movie, MovieChange, ViewCount
from movies.search.elastic.connection import AWAY, client
from movies.search.elastic.documents import ALIAS, INDICES, MovieDocument
from movies.search.title_words import terms_of

logger = logging.getLogger(__name__)

CHUNK = 2_000  # movies read and sent together
STATE = "tetraflix-search-state"  # one document an index: the id of the last change that is in it
BULK_LOAD = 1_000_000  # the inventory's version jumps by this when movies were loaded without change records
STATE_MAPPINGS = {"dynamic": "strict", "properties": {"change_id": {"type": "long"}}}
STATE_SETTINGS = {"number_of_shards": 1, "auto_expand_replicas": "0-1"}
KEEPS_UP = "the search index"  # leases: one process at a time keeps the index right,
REBUILDS = "a rebuild of the search index"  # and one rebuilds it
LEASE_SECONDS = 90.0  # renewed before each request, which takes at most BULK_SECONDS
MOST_AGE = timedelta(days=1)
MADE_AT = "%Y%m%d%H%M%S%f"  # the end of an index's name
STALE_VERSION = 409
GONE_TITLE = ""
GONE_PROFILE = [0] * len(GENRES)


class IndexIncompleteError(Exception):
    """The change log alone cannot bring an index up to date; the message says why."""


class IndexRefusedError(Exception):
    """Elasticsearch does not take a movie as it is sent."""


@dataclass(slots=True)
class Indexed:
    """What a run did."""

    movies: int = 0
    index: str = ""


def keep_up() -> Indexed:
    """Every change committed before this call is in the index in use.

    Rebuilds the index when changes alone cannot bring it there. Raises LeaseHeld while another process is at it,
    and what `rebuild` raises.
    """
    with lease(KEEPS_UP, seconds=LEASE_SECONDS) as mine:
        elasticsearch = client()
        index = index_in_use(elasticsearch)
        try:
            if index is None:
                raise IndexIncompleteError("there is no search index")
            return Indexed(_catch_up(elasticsearch, index, mine), index)
        except IndexIncompleteError as error:
            logger.info("rebuilding the search index: %s", error)
            return rebuild(held=mine)


def rebuild(progress: Callable[[int], object] = lambda movies: None, *, held: Lease | None = None) -> Indexed:
    """A new index holds the inventory, changes made meanwhile included, and the old one is gone.

    Searches see the old one until the new one takes over, in one step. A rebuild that fails takes its index away;
    what a killed one left is taken away by the next, so that there is never more than one beside the one in use.
    `progress` is told how many movies came in; `held` is a lease of the caller to be renewed as well. Raises
    leases.LeaseHeld while another process rebuilds, connection.AWAY, leases.LeaseLost, IndexRefusedError, or
    IndexIncompleteError when many movies were loaded meanwhile: try again then.
    """
    with lease(REBUILDS, seconds=LEASE_SECONDS) as mine:
        elasticsearch = client()
        _make(elasticsearch, STATE, STATE_MAPPINGS, STATE_SETTINGS)
        _remove_all_but(elasticsearch, index_in_use(elasticsearch))
        definition = MovieDocument._index.to_dict()
        index = f"{ALIAS}-{datetime.now(UTC):{MADE_AT}}"
        try:
            _make(elasticsearch, index, definition["mappings"], definition["settings"])
            return _fill(elasticsearch, index, progress, [mine, *filter(None, [held])])
        except BaseException:
            _remove(elasticsearch, index)
            raise


def is_old() -> bool:
    """Whether the index in use was made more than a day ago. Raises connection.AWAY."""
    index = index_in_use(client())
    if index is None:
        return False  # keep_up makes the first one
    try:
        made = datetime.strptime(index.removeprefix(f"{ALIAS}-"), MADE_AT).replace(tzinfo=UTC)
    except ValueError:
        return True
    return datetime.now(UTC) - made > MOST_AGE


def _fill(
    elasticsearch: Elasticsearch, index: str, progress: Callable[[int], object], leases: Sequence[Lease]
) -> Indexed:
    # First the version, then the movies, which may be newer: catching up sends those changes again.
    start = _inventory_version()
    done = Indexed(index=index)
    last = 0
    while movies := _movies_after(last):
        for one in leases:
            one.renew()
        done.movies += _send(elasticsearch, index, movies)
        last = movies[-1].id
        progress(len(movies))
    _note(elasticsearch, index, start)
    _catch_up(elasticsearch, index, *leases)
    elasticsearch.indices.refresh(index=index)
    for one in leases:
        one.renew()
    _take_over(elasticsearch, index)
    return done


def index_in_use(elasticsearch: Elasticsearch) -> str | None:
    """The index that searches see; None before the first rebuild."""
    try:
        return next(iter(elasticsearch.indices.get_alias(name=ALIAS).keys()))
    except NotFoundError:
        return None


def _catch_up(elasticsearch: Elasticsearch, index: str, *leases: Lease) -> int:
    """Sends what changed since the index was last noted. Raises IndexIncompleteError."""
    sent = 0
    position = _noted(elasticsearch, index)
    while True:
        changes = list(MovieChange.objects.filter(id__gt=position).order_by("id")[:CHUNK])
        _check_complete(position, [change.id for change in changes])
        if not changes:
            return sent
        for one in leases:
            one.renew()
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
            raise IndexRefusedError(f"a movie was refused: {item['index'].get('error')}")
    return sent


def _noted(elasticsearch: Elasticsearch, index: str) -> int:
    try:
        return int(elasticsearch.get(index=STATE, id=index)["_source"]["change_id"])
    except NotFoundError:
        raise IndexIncompleteError("nothing says what the search index holds") from None


def _note(elasticsearch: Elasticsearch, index: str, change_id: int) -> None:
    elasticsearch.index(index=STATE, id=index, document={"change_id": change_id})


def _take_over(elasticsearch: Elasticsearch, index: str) -> None:
    old = index_in_use(elasticsearch)
    removed = [{"remove": {"index": old, "alias": ALIAS}}] if old else []
    elasticsearch.indices.update_aliases(actions=[*removed, {"add": {"index": index, "alias": ALIAS}}])
    _remove_all_but(elasticsearch, index)


def _make(elasticsearch: Elasticsearch, index: str, mappings: object, settings: object) -> None:
    """The index is there. Clusters may forbid that it comes to be by a write (action.auto_create_index)."""
    try:
        elasticsearch.indices.create(index=index, mappings=mappings, settings=settings)  # type: ignore[arg-type]
    except BadRequestError as error:
        if error.error != "resource_already_exists_exception":
            raise


def _remove_all_but(elasticsearch: Elasticsearch, kept: str | None) -> None:
    """No index of movies is there but this one: rebuilds that were killed leave theirs."""
    names = elasticsearch.indices.get(index=f"{INDICES}-*", filter_path="*.settings.index.uuid")
    for name in names:
        if name != kept:
            _remove_for_good(elasticsearch, name)


def _remove(elasticsearch: Elasticsearch, index: str) -> None:
    try:
        _remove_for_good(elasticsearch, index)
    except AWAY as error:  # the next rebuild does it
        logger.warning("%s is left over: %s", index, error)


def _remove_for_good(elasticsearch: Elasticsearch, index: str) -> None:
    elasticsearch.indices.delete(index=index, ignore_unavailable=True)
    elasticsearch.options(ignore_status=404).delete(index=STATE, id=index)


def _inventory_version() -> int:
    return Inventory.objects.values_list("version", flat=True).get()
