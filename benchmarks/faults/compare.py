"""Compares what is stored and queued with the model, row for row."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg2
from django.conf import settings

from benchmarks.faults.model import InventoryModel, StoredMovie
from benchmarks.faults.traffic import RECENT, Traffic
from benchmarks.faults.world import World
from movies.genres import GENRES
from movies.viewing import recency
from recommendations import stores

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

CHANGES = "movieChanges"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
VIEW = "movie_id, extract(epoch FROM watched_at)::float8"
START = "extract(epoch FROM started_at)::float8, is_rec, group_id"
PAGE = 5_000  # rows read at a time


class Differences:
    """How many there are, and the first ones in words."""

    def __init__(self, shown: int = 20) -> None:
        self.shown, self.count, self.first = shown, 0, list[str]()

    def add(self, text: str) -> None:
        self.count += 1
        if len(self.first) < self.shown:
            self.first.append(text)

    def unequal(self, what: str, stored: Any, expected: Any) -> None:
        """Adds a difference if these are not equal."""
        if stored != expected:
            self.add(f"{what}: stored {stored!r}, the model says {expected!r}")

    def unequal_each(self, what: str, stored: dict[Any, Any], expected: dict[Any, Any]) -> None:
        """Compares two mappings by key; a missing key is None."""
        for key in sorted(stored.keys() | expected.keys(), key=str):
            self.unequal(f"{what} {key}", stored.get(key), expected.get(key))


def compare(world: World, traffic: Traffic, inventory: InventoryModel) -> tuple[Differences, Counter[str]]:
    """All differences, and how many rows were compared of each kind. Everything must be applied and stopped."""
    found, rows = Differences(), Counter[str]()
    connection = psycopg2.connect(world.postgres.url)
    try:
        read = _reader(connection)
        rows["views"] = _views(found, read, traffic)
        rows["starts"] = _starts(found, read, traffic)
        rows["raters"] = _raters(found, read, traffic)
        rows["counters"] = _counters(found, read, traffic)
        rows["marked users"] = _marked_users(found, read, traffic)
        rows["genre-days"] = _genre_days(found, read, traffic, inventory)
        rows["movies"] = _movies(found, read, inventory)
    finally:
        connection.close()
    rows["lists"] = _lists(found, traffic)
    rows["outbox messages"] = _outbox(found, world, inventory)
    for queue, invalid in traffic.invalid.items():
        rows["dead letters"] += _dead_letters(found, world, queue, invalid)
    return found, rows


Read = Callable[[str], Iterator[Any]]


def _reader(connection: Any) -> Read:
    def read(statement: str) -> Iterator[Any]:
        with connection.cursor(name="compare") as cursor:  # a server's cursor, because there may be millions
            cursor.itersize = PAGE
            cursor.execute(statement)
            yield from cursor

    return read


def _views(found: Differences, read: Read, traffic: Traffic) -> int:
    """Each row is a finish of the model, and each user has as many: a row is unique."""
    number: Counter[int] = Counter()
    for movie, seconds, user in read(f"SELECT {VIEW}, user_id FROM movies_view"):
        number[user] += 1
        if (movie, seconds) not in traffic.model.finishes(user):
            found.add(f"view of movie {movie} by user {user} at {_time(seconds)}: not in the model")
    for user in sorted(traffic.model.users()):
        expected = traffic.model.finishes(user)
        if number[user] < len(expected):
            stored = set(read(f"SELECT {VIEW} FROM movies_view WHERE user_id = {user}"))
            for movie, at in sorted(expected - stored):
                found.add(f"view of movie {movie} by user {user} at {_time(at)}: not stored")
    return number.total()


def _starts(found: Differences, read: Read, traffic: Traffic) -> int:
    """Each row is a start of the model, and each user has as many. Times of the sending are compared as RECENT."""
    number: Counter[int] = Counter()
    for user, movie, at, *said in read(f"SELECT user_id, movie_id, {START} FROM recommendations_start"):
        number[user] += 1
        expected = traffic.model.starts(user).get(movie)
        if expected is None or (min(at, RECENT), *said) != (min(expected[0], RECENT), *expected[1:]):
            found.add(
                f"start of movie {movie} by user {user}: stored {(at, *said)}, the model says {expected}"
            )
    for user in sorted(traffic.model.users()):
        if (expected_number := len(traffic.model.starts(user))) != number[user]:
            found.add(f"starts of user {user}: stored {number[user]}, the model says {expected_number}")
    return number.total()


def _raters(found: Differences, read: Read, traffic: Traffic) -> int:
    stored = {
        user: min(at, RECENT)
        for user, at in read(
            "SELECT user_id, extract(epoch FROM rated_at)::float8 FROM recommendations_rater"
        )
    }
    expected = {user: min(at, RECENT) for user, at in traffic.model.raters().items()}
    found.unequal_each("rating of user", stored, expected)
    return len(stored)


def _counters(found: Differences, read: Read, traffic: Traffic) -> int:
    stored = dict(read("SELECT movie_id, views FROM movies_viewcount WHERE views > 0"))
    found.unequal_each("view count of movie", stored, traffic.model.views())
    expected: Counter[int] = Counter()
    for user in traffic.model.users():
        for movie, at in traffic.model.finishes(user):
            expected[movie] += recency.weight(_time(at).date(), settings.POPULARITY_HALF_LIFE_DAYS)
    recent = {
        movie: int(number)
        for movie, number in read("SELECT movie_id, recent FROM movies_viewcount WHERE recent > 0")
    }
    found.unequal_each("recent views of movie", recent, expected)
    return len(stored)


def _marked_users(found: Differences, read: Read, traffic: Traffic) -> int:
    """Each user with a finish is marked for a new list of our own, which nobody makes here."""
    stored = {
        user for (user,) in read("SELECT user_id FROM recommendations_changeduser WHERE mark IS NOT NULL")
    }
    expected = {user for user in traffic.model.users() if traffic.model.finishes(user)}
    for user in sorted(stored ^ expected):
        found.add(f"user {user}: {'marked without' if user in stored else 'not marked after'} a finish")
    return len(stored)


def _genre_days(found: Differences, read: Read, traffic: Traffic, inventory: InventoryModel) -> int:
    profiles = inventory.profiles_of_views
    expected: Counter[tuple[date, str]] = Counter()
    for user in traffic.model.users():
        for movie, at in traffic.model.finishes(user):
            day = _time(at).date()
            for genre, weight in zip(GENRES, profiles[movie], strict=True):
                if weight:
                    expected[day, genre] += weight
    stored = {
        (day, genre): weight
        for day, genre, weight in read("SELECT day, genre, weight FROM movies_genreviews")
    }
    found.unequal_each("genre-day", stored, expected)
    return len(stored)


def _movies(found: Differences, read: Read, inventory: InventoryModel) -> int:
    stored = {
        movie: StoredMovie(title, tuple(profile), hidden, version)
        for movie, title, profile, hidden, version in read(
            "SELECT id, title, profile, hidden, version FROM movies_movie"
        )
    }
    found.unequal_each("movie", stored, inventory.movies)
    unsent = list(read("SELECT movie_id, version FROM movies_moviechange WHERE sent_at IS NULL"))
    found.unequal("changes not sent", unsent, [])
    return len(stored)


def _lists(found: Differences, traffic: Traffic) -> int:
    """Both lists of each user; times that depend on the sending are compared as RECENT."""
    number, last = 0, 0
    missing = traffic.model.users()
    while page := stores.current().scan(last, PAGE):
        for user, lists in page:
            number += 1
            missing.discard(user)
            watching = [
                (entry.movie_id, entry.progress, min(round((entry.at - EPOCH).total_seconds()), RECENT))
                for entry in lists.watching
            ]
            expected = [
                (movie, progress, min(at, RECENT))
                for movie, progress, at in traffic.model.currently_watching(user)
            ]
            found.unequal(f"currently watching of user {user}", watching, expected)
            found.unequal(
                f"recommendations of user {user}",
                list(lists.recommended),
                traffic.model.recommendations(user),
            )
        last = page[-1][0]
    for user in sorted(missing):
        found.add(f"lists of user {user}: not stored")
    return number


def _outbox(found: Differences, world: World, inventory: InventoryModel) -> int:
    """Each change was sent, and its first sending not before that of the version before."""
    sent: dict[tuple[int, int], int] = {}
    bodies: dict[tuple[int, int], Any] = {}
    for message in _received(world, CHANGES):
        body = json.loads(message["Body"])
        key = body["movieId"], body["version"]
        changes = body.get("changes")
        content = (
            body["action"],
            (changes["title"], tuple(changes["profile"][genre] for genre in GENRES)) if changes else None,
        )
        if bodies.setdefault(key, content) != content:
            found.add(f"outbox message {key}: sent as {bodies[key]} and as {content}")
        at = int(message["Attributes"]["SentTimestamp"])
        sent[key] = min(at, sent.get(key, at))
    found.unequal_each("outbox message", bodies, inventory.changes)
    for (movie, version), at in sent.items():
        if at < sent.get((movie, version - 1), 0):
            found.add(f"outbox: movie {movie} version {version} was sent before version {version - 1}")
    return len(bodies)


def _dead_letters(found: Differences, world: World, queue: str, invalid: dict[str, str]) -> int:
    """Each invalid message is there with its reason, and no other. A killed consumer may have made two copies."""
    reasons = defaultdict[str, set[str]](set)
    for message in _received(world, f"{queue}-dead"):
        reason = message.get("MessageAttributes", {}).get("reason")
        reasons[message["Body"]].add(reason["StringValue"] if reason else "none: SQS dead-lettered it")
    for body in reasons.keys() | invalid.keys():
        for given in reasons.get(body, {"not there"}):
            if body not in invalid or not given.startswith(invalid[body]):
                found.add(
                    f"dead letter of {queue} {body!r}: reason {given!r}, expected {invalid.get(body)!r}"
                )
    return len(reasons)


def _received(world: World, queue: str) -> Iterator["MessageTypeDef"]:
    """All messages of a queue, which is empty afterwards."""
    url = world.url(queue)
    while messages := world.direct.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=10,
        MessageSystemAttributeNames=["SentTimestamp"],
        MessageAttributeNames=["All"],
        VisibilityTimeout=600,
        WaitTimeSeconds=0,  # the queue's own time is 20 s
    ).get("Messages"):
        yield from messages
        world.direct.delete_message_batch(
            QueueUrl=url,
            Entries=[
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, message in enumerate(messages)
            ],
        )


def _time(seconds: float) -> datetime:
    return EPOCH + timedelta(seconds=seconds)
