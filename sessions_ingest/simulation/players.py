"""Simulated users, in threads: they read their lists and watch movies, and their sessions go to the bus."""

import math
import random
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from movies.genres import GENRES
from sessions_ingest.simulation.changes_reader import ChangesReader
from sessions_ingest.simulation.client import Client, Movie, ServiceUnavailableError
from sessions_ingest.simulation.measurements import Measurements
from sessions_ingest.simulation.new_lists import NewLists
from sessions_ingest.simulation.sender import MAX_DELAY_SECONDS, Sender
from sessions_ingest.simulation.users import MAX_LIST_LENGTH, SimulatedUser

SESSIONS_PER_THREAD = 25  # a second; a higher rate adds threads
MAX_THREADS = 16
MAX_USERS_PER_THREAD = 400  # they return, and their lists are verified at the end
RETURNING_USER_SHARE = 0.7  # of sessions: by a user who has played before
NEW_USER_SHARE = 0.05  # of sessions: by a user without any record
NEW_IDS = 10**12  # far above the seeded users
GENRE_READ_SHARE = 0.3  # of sessions read a genre, too
GENRE_LIMIT = 100  # movies read of each genre, the most that the API gives
MIN_USERS = 16  # ids to play with, even if the service has fewer users
SISTER_LIST_SHARE = 0.08  # of sessions lead to a new list from the Recommendations service, if it sends any
# A finish is measured only if the user finished nothing for so long, because the list may still be about that one.
QUIET_SECONDS = 30
SLICES = (
    17  # of the user ids; a run uses one, so that concurrent runs share no user. Odd: both groups are in each
)


@dataclass(frozen=True, slots=True)
class ServiceSnapshot:
    """What the service held before the start, read over HTTP."""

    movies: list[Movie]  # candidates for lists of the Recommendations service
    users: int  # ids 1 to about here are known to the service


def take_snapshot(client: Client) -> ServiceSnapshot:
    """Reads the service's movies and users. Raises ServiceUnavailableError, also if there are no movies."""
    movies = {movie["id"]: movie for genre in GENRES for movie in client.genre(genre, GENRE_LIMIT)}
    popular = [movie["id"] for movie in client.lists(_new_user_id())[0]]
    if not movies:
        raise ServiceUnavailableError(
            "there are no movies that anyone has watched: run `manage.py seed_movies` first"
        )

    def known(user_id: int) -> bool:
        recommended, watching = client.lists(user_id)
        return bool(watching) or [movie["id"] for movie in recommended] != popular

    users = 1
    while users < NEW_IDS and known(users):
        users *= 2
    return ServiceSnapshot(list(movies.values()), max(users // 2, MIN_USERS))


def _new_user_id() -> int:
    return NEW_IDS * random.randint(2, 1_000_000)


class Player(threading.Thread):
    """Plays `rate` sessions a second with users of its own; `sister_lists`: some of them get lists over the bus."""

    def __init__(
        self,
        snapshot: ServiceSnapshot,
        client: Client,
        sender: Sender,
        new_lists: NewLists,
        *,
        rate: float,
        first: int,
        step: int,
        stop: threading.Event,
        sister_lists: bool,
    ) -> None:
        super().__init__(name=f"play-{first}", daemon=True)
        self.snapshot, self.client, self.sender, self.new_lists = snapshot, client, sender, new_lists
        self.sister_lists = sister_lists
        self.rate, self.first, self.step, self.stop = rate, first, step, stop
        self.random = random.Random(first * 7919 + time.time_ns())
        self.users: dict[int, SimulatedUser] = {}
        self.sessions = 0
        self.last = datetime.min.replace(tzinfo=UTC)

    def run(self) -> None:
        start = time.monotonic()
        turn = 0
        while not self.stop.wait(max(0.0, start + turn / self.rate - time.monotonic())):
            turn = max(
                turn + 1, math.floor((time.monotonic() - start - 1) * self.rate)
            )  # missed turns are skipped
            try:
                self.play()
            except ServiceUnavailableError:  # already counted as an error
                self.stop.wait(0.5)

    def play(self) -> None:
        """Plays one session: a user reads the lists and watches movies, and Events reports it.

        Raises ServiceUnavailableError.
        """
        user_id = self._choose_user()
        recommended, watching = self.client.lists(user_id)
        user = self.users.get(user_id) or SimulatedUser(
            user_id, {movie["id"]: movie["progress"] for movie in watching}
        )
        if user.busy_until > time.monotonic():
            return
        user.recommended = [movie["id"] for movie in recommended]
        quiet = self._quiet(user)
        choice = list(recommended)
        if self.random.random() < GENRE_READ_SHARE or not choice:
            choice += self.client.genre(self.random.choice(GENRES))
        events = []
        for _ in range(self.random.choice((1, 1, 2, 3))):
            movie, progress = user.chooses(self.random, choice)
            if movie:
                at = self._now()
                user.watches(movie, progress, at)
                event = {
                    "movie": {"id": movie, "isRec": movie in user.recommended},
                    "progress": progress,
                    "startTime": at.isoformat(),
                }
                events.append(event | ({"rating": self.random.randint(1, 5)} if user.rates else {}))
        if events:
            self.users[user_id] = user
            user.reported = True
            self.sessions += 1
            sent_at = self.sender.session(user_id, events)
            if self.sister_lists and self.random.random() < SISTER_LIST_SHARE:
                self._recommend(user)
            elif quiet and not self._quiet(user) and set(user.recommended) - user.touched():
                self.new_lists.watch(user_id, user.recommended, sent_at)

    def _choose_user(self) -> int:
        if self.users and (
            len(self.users) >= MAX_USERS_PER_THREAD or self.random.random() < RETURNING_USER_SHARE
        ):
            return self.random.choice(list(self.users))
        slice_ = self.first + self.step * self.random.randrange(max(1, self.snapshot.users // self.step))
        return slice_ + (
            _new_user_id() // self.step * self.step if self.random.random() < NEW_USER_SHARE else 0
        )

    def _quiet(self, user: SimulatedUser) -> bool:
        """Whether the next other list would be due to a finish to come.

        Not for users without a list, because the popular movies that they are shown follow a finish at once. A bus
        list is not replaced after a finish.
        """
        since = datetime.now(UTC) - timedelta(seconds=QUIET_SECONDS)
        return (
            user.id <= self.snapshot.users
            and not user.bus_list
            and all(at < since for at in user.finished.values())
        )

    def _now(self) -> datetime:
        """The time, later than at any call before, so that no two events of a user coincide."""
        self.last = max(datetime.now(UTC), self.last + timedelta(milliseconds=1))
        return self.last

    def _recommend(self, user: SimulatedUser) -> None:
        touched = user.touched()
        movies = [movie for movie in self.snapshot.movies if movie["id"] not in touched]
        chosen = sorted(movies, key=lambda movie: user.likes(movie) * self.random.random(), reverse=True)[
            :MAX_LIST_LENGTH
        ]
        user.bus_list = [movie["id"] for movie in chosen]
        user.busy_until = time.monotonic() + MAX_DELAY_SECONDS + 1
        self.sender.recommendations(user.id, user.bus_list)


@dataclass(slots=True)
class Simulation:
    """All players of a run, their sender, what measures new lists, and the reader of the change feed, if any."""

    players: list[Player]
    sender: Sender
    new_lists: NewLists
    stop: threading.Event
    changes: ChangesReader | None = None

    def start(self) -> None:
        self.sender.start()
        self.new_lists.start()
        if self.changes:
            self.changes.start()
        for player in self.players:
            player.start()

    def end(self, seconds: float) -> int:
        """Stops the players and sends everything; returns how many messages could not be sent."""
        self.stop.set()
        until = time.monotonic() + seconds
        for player in self.players:
            player.join(max(0.0, until - time.monotonic()))
        return self.sender.finish(max(0.1, until - time.monotonic()))

    def sessions(self) -> int:
        """Sessions played so far."""
        return sum(player.sessions for player in self.players)

    def users(self) -> list[SimulatedUser]:
        """The users that a message was sent about."""
        return [user for player in self.players for user in player.users.values() if user.reported]


def make_simulation(
    snapshot: ServiceSnapshot,
    url: str,
    key: str,
    sender: Sender,
    measurements: Measurements,
    *,
    rate: float,
    slice_: int,
    sister_lists: bool,
    changes_queue: str = "",
) -> Simulation:
    """A simulation of `rate` sessions a second by users whose ids are `slice_` modulo SLICES.

    With `changes_queue`, a simulated sister service reads the change feed from it.
    """
    threads = min(MAX_THREADS, max(1, math.ceil(rate / SESSIONS_PER_THREAD)))
    stop = threading.Event()
    new_lists = NewLists(Client(url, measurements, key), measurements, stop)
    players = [
        Player(
            snapshot,
            Client(url, measurements, key),
            sender,
            new_lists,
            rate=rate / threads,
            first=slice_ + SLICES * number,
            step=SLICES * threads,
            stop=stop,
            sister_lists=sister_lists,
        )
        for number in range(threads)
    ]
    reader = ChangesReader(changes_queue, measurements, stop) if changes_queue else None
    return Simulation(players, sender, new_lists, stop, reader)
