"""After a bulk load the movie cache is refilled in the background, and each read meanwhile is right."""

import logging
import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from django.db import OperationalError, connection, transaction

from movies.catalog import movie_cache
from movies.catalog.movie_cache import MovieCache, render_entry
from movies.genres import GENRES
from movies.models import Inventory, Movie
from tests.movies.factories import movie, other_connection
from tests.waiting import wait_until

PROFILE = [100] + [0] * (len(GENRES) - 1)
MOVIES = 120
ASKED = 12  # movies of a simulated request


@pytest.fixture
def cache(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[MovieCache]:
    """A loaded cache whose refill takes many small blocks."""
    monkeypatch.setattr(movie_cache, "REFILL_BLOCK_SIZE", 5)
    cache = MovieCache()
    cache.load()
    yield cache
    cache.clear()


def bulk_load(sql: str) -> None:
    """Changes movies without change records, as seeding does."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL tetraflix.bulk_load = 'on'")
        cursor.execute(sql)
        cursor.execute("SET LOCAL tetraflix.bulk_load = 'off'")


def find(cache: MovieCache, *movie_ids: int) -> list[bytes | None]:
    return cache.find(Inventory.objects.get().version, movie_ids)


def visible() -> dict[int, bytes]:
    return {
        one.id: render_entry(one.id, one.title, one.profile) for one in Movie.objects.filter(hidden=False)
    }


def test_a_bulk_load_is_followed_by_a_refill_of_every_visible_movie(cache: MovieCache):
    ids = [movie(f"Movie {number}", hidden=number % 7 == 0).id for number in range(40)]
    find(cache, ids[0])
    bulk_load("UPDATE movies_movie SET title = title || ' again'")
    find(cache, ids[1])
    wait_until(lambda: cache.whole, seconds=60)
    assert {movie_id: entry for movie_id, entry in cache._entries.items() if entry} == visible()


def test_many_logged_changes_are_followed_by_a_refill(cache: MovieCache, monkeypatch: pytest.MonkeyPatch):
    ids = [movie(f"Movie {number}").id for number in range(20)]
    find(cache, *ids)
    monkeypatch.setattr(movie_cache, "MAX_CHANGES_TO_CATCH_UP", 3)
    Movie.objects.update(title="Edited")
    assert find(cache, ids[0]) == [render_entry(ids[0], "Edited", [100] + [0] * 14)]
    wait_until(lambda: cache.whole, seconds=60)
    assert cache._entries == visible()


def test_a_bulk_load_between_the_version_and_the_movies_of_a_read_leaves_nothing_stale(cache: MovieCache):
    one, two, three = movie("One"), movie("Two"), movie("Three")
    find(cache, one.id, two.id)
    version = Inventory.objects.get().version
    Movie.objects.filter(id=three.id).update(title="Edited")
    bulk_load("UPDATE movies_movie SET title = 'Loaded'")
    loaded = [render_entry(each.id, "Loaded", each.profile) for each in (one, two, three)]
    assert cache.find(version, [three.id, 999_999]) == [loaded[2], None]
    assert find(cache, one.id, two.id, three.id) == loaded


def test_a_block_read_before_another_bulk_load_is_dropped(cache: MovieCache, monkeypatch: pytest.MonkeyPatch):
    ids = [movie(f"Movie {number}").id for number in range(20)]
    find(cache, *ids)
    refilling, loaded_again = threading.Event(), threading.Event()

    def render_late(movie_id: int, title: str, weights: Sequence[str]) -> bytes:
        if threading.current_thread().name == "movie cache refill" and not refilling.is_set():
            refilling.set()
            assert loaded_again.wait(60)
        return render_entry(movie_id, title, weights)

    monkeypatch.setattr(movie_cache, "render_entry", render_late)
    bulk_load("UPDATE movies_movie SET title = 'Loaded'")
    find(cache, ids[-1])
    assert refilling.wait(60)
    bulk_load("UPDATE movies_movie SET title = 'Loaded again'")
    find(cache, ids[-1])
    loaded_again.set()
    wait_until(lambda: cache.whole, seconds=60)
    assert cache._entries == visible()


@pytest.mark.django_db(transaction=True)
def test_only_a_loaded_cache_is_refilled():
    """Commands and the worker load none, because they need few movies."""
    one, two = movie("One"), movie("Two")
    cache = MovieCache()
    assert find(cache, one.id) == [visible()[one.id]]
    assert (len(cache), cache._refiller) == (1, None)
    cache.load()
    assert (len(cache), cache.whole) == (2, True)
    assert find(cache, two.id) == [visible()[two.id]]
    assert cache._refiller is None, "nothing was missing"


@contextmanager
def failing_blocks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patched:
        patched.setattr(movie_cache, "BLOCK", "SELECT 1 / 0 WHERE %s < %s")
        yield


def test_a_refill_retries_until_the_database_answers(
    cache: MovieCache, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    ids = [movie(f"Movie {number}").id for number in range(20)]
    find(cache, *ids)
    with failing_blocks(monkeypatch):
        bulk_load("UPDATE movies_movie SET title = 'Loaded'")
        find(cache, ids[0])
        wait_until(lambda: "Refilling the movie cache later" in caplog.text, seconds=60)
        assert find(cache, ids[1]) == [visible()[ids[1]]]
        assert not cache.whole
    wait_until(lambda: cache.whole, seconds=60)
    assert cache._entries == visible()


def test_a_load_that_failed_is_made_up_for_by_a_refill(cache: MovieCache, monkeypatch: pytest.MonkeyPatch):
    ids = [movie(f"Movie {number}").id for number in range(20)]
    late = MovieCache()
    with monkeypatch.context() as patched:
        patched.setattr(connection, "cursor", _refused)
        with pytest.raises(OperationalError):
            late.load()
    assert find(late, ids[0]) == [visible()[ids[0]]]
    wait_until(lambda: late.whole, seconds=60)
    assert late._entries == visible()
    late.clear()


def _refused() -> None:
    raise OperationalError("connection refused")


def test_a_refill_closes_its_connection_and_ends(cache: MovieCache):
    one = movie("One")
    bulk_load("UPDATE movies_movie SET title = 'Loaded'")
    before = _connections()
    find(cache, one.id)
    assert cache._refiller is not None
    cache._refiller.join(60)
    wait_until(lambda: _connections() <= before, seconds=60)


def _connections() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        return cursor.fetchone()[0]


def test_clearing_stops_the_refill(cache: MovieCache, monkeypatch: pytest.MonkeyPatch):
    one = movie("One")
    with failing_blocks(monkeypatch):  # so that it cannot end by itself
        bulk_load("UPDATE movies_movie SET title = 'Loaded'")
        find(cache, one.id)
        refiller = cache._refiller
        assert refiller is not None
        cache.clear()
    assert not refiller.is_alive()
    assert len(cache) == 0


# A movie's state follows from its number of writes alone, and the count of its views is that number. So one statement
# gives the version of the inventory and what each movie was at it, after bulk loads and deletions too.
NUMBERS = "SELECT i.version, v.movie_id, v.views FROM movies_inventory i, movies_viewcount v"


def entry(movie_id: int, writes: int) -> bytes | None:
    """The movie after so many writes: of four in a row the second hides it and the third deletes it."""
    if writes % 4 in (1, 2):
        return None
    return render_entry(movie_id, f"Title {writes}", PROFILE)


class Writer(threading.Thread):
    """Takes random movies one state further, one or many at a time, with change records or as a bulk load."""

    def __init__(self, seed: int, movie_ids: Sequence[int], done: threading.Event) -> None:
        super().__init__()
        self.random = random.Random(seed)
        self.movie_ids = movie_ids  # no other writer has them
        self.writes = dict.fromkeys(movie_ids, 0)
        self.done = done
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            with other_connection() as other:
                while not self.done.is_set():
                    many = self.random.random() < 0.3
                    ids = self.random.sample(self.movie_ids, len(self.movie_ids) // 2 if many else 1)
                    with other.cursor() as cursor:
                        if self.random.random() < 0.15:
                            # it must neither delete nor re-create, because it retires no versions
                            ids = [each for each in ids if self.writes[each] % 4 in (0, 3)]
                            cursor.execute("SET LOCAL tetraflix.bulk_load = 'on'")
                        for movie_id in sorted(ids):
                            self.write(cursor, movie_id)
                        cursor.execute("SET LOCAL tetraflix.bulk_load = 'off'")
                    other.commit()
                    self.done.wait(self.random.random() / 100)
        except BaseException as error:
            self.error = error
        finally:
            self.done.set()

    def write(self, cursor: object, movie_id: int) -> None:
        self.writes[movie_id] += 1
        writes = self.writes[movie_id]
        execute = cursor.execute  # type: ignore[attr-defined]
        if writes % 4 == 1:
            execute("UPDATE movies_movie SET hidden = true WHERE id = %s", [movie_id])
        elif writes % 4 == 2:
            execute("DELETE FROM movies_movie WHERE id = %s", [movie_id])
        elif writes % 4 == 3:
            execute(
                "INSERT INTO movies_movie (id, title, profile) VALUES (%s, %s, %s)",
                [movie_id, f"Title {writes}", PROFILE],
            )
        else:
            execute("UPDATE movies_movie SET title = %s WHERE id = %s", [f"Title {writes}", movie_id])
        execute("UPDATE movies_viewcount SET views = %s WHERE movie_id = %s", [writes, movie_id])


class Reader(threading.Thread):
    """Reads as requests do, and compares with what the database says before and after."""

    def __init__(self, seed: int, cache: MovieCache, movie_ids: Sequence[int], done: threading.Event) -> None:
        super().__init__()
        self.random = random.Random(seed)
        self.cache, self.movie_ids, self.done = cache, movie_ids, done
        self.reads = self.exact = 0
        self.wrong: list[str] = []

    def run(self) -> None:
        try:
            while not self.done.is_set() and not self.wrong:
                self.read()
        finally:
            connection.close()
            self.done.set()

    def read(self) -> None:
        asked = self.random.sample(self.movie_ids, ASKED)
        version, before = numbers()
        found = self.cache.find(version, asked)
        _, after = numbers()
        for movie_id, shown in zip(asked, found, strict=True):
            first, last = before[movie_id], after[movie_id]
            if shown not in {entry(movie_id, writes) for writes in range(first, last + 1)}:
                self.wrong.append(f"movie {movie_id}, after {first} to {last} writes, is {shown!r}")
            self.exact += first == last
        self.reads += 1


def numbers() -> tuple[int, dict[int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(NUMBERS)
        rows = cursor.fetchall()
    return rows[0][0], {movie_id: writes for _, movie_id, writes in rows}


@pytest.mark.parametrize("seed", [1, random.randrange(10**6)])
def test_reads_are_right_while_movies_change_at_random_and_refills_run(
    cache: MovieCache, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, seed: int
):
    monkeypatch.setattr(movie_cache, "MAX_CHANGES_TO_CATCH_UP", 40)
    caplog.set_level(logging.INFO, "movies.catalog.movie_cache")
    ids = list(range(1, MOVIES + 1))
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO movies_movie (id, title, profile) VALUES (%s, 'Title 0', %s)",
            [(movie_id, PROFILE) for movie_id in ids],
        )
    done = threading.Event()
    writers = [Writer(seed + number, ids[number::2], done) for number in range(2)]
    readers = [Reader(seed - 1 - number, cache, ids, done) for number in range(3)]
    for thread in (*writers, *readers):
        thread.start()

    def enough() -> bool:
        refills = caplog.text.count("Refilled the movie cache")
        return done.is_set() or (refills >= 20 and sum(reader.reads for reader in readers) >= 1_000)

    try:
        wait_until(enough, seconds=300)
    finally:
        done.set()
        for thread in (*writers, *readers):
            thread.join()
    assert [writer.error for writer in writers] == [None, None]
    assert [wrong for reader in readers for wrong in reader.wrong] == [], f"seed {seed}"
    assert all(reader.exact for reader in readers), "most movies do not change within a read"
    find(cache, ids[0])
    wait_until(lambda: cache.whole, seconds=60)
    assert {each: shown for each, shown in cache._entries.items() if shown} == visible()
