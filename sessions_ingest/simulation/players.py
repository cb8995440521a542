"""Clients and sister services at work: users look at their lists, watch, and the bus hears of it."""

import math
import random
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from movies.genres import GENRES
from sessions_ingest.simulation.client import Client, Movie, ServiceUnavailableError
from sessions_ingest.simulation.measurements import Figures
from sessions_ingest.simulation.sender import LATEST_SECONDS, Sender
from sessions_ingest.simulation.users import LONGEST, PlayedUser

SESSIONS_A_THREAD = 25  # a second; beyond that another thread plays too
MOST_THREADS = 16
MOST_USERS = 400  # a thread: they come back, and their end is looked at
KNOWN_USER = 0.7  # of the sessions are of a user who was there before
NEW_USER = 0.05  # are of a user whom nobody has heard of
NEW_IDS = 10**12  # far above whoever was seeded
GENRE_LOOKS = 0.3
NEW_LISTS = 0.08  # of the sessions make the Recommendations service think again
SLICES = 16  # of the user ids; one run plays one slice, so that two at a time do not meet


@dataclass(frozen=True, slots=True)
class World:
    """What was learnt over HTTP before the start."""

    popular: list[int]  # what a user sees whom nobody has heard of
    movies: list[Movie]  # to choose new lists from
    users: int  # ids 1 to about here are known to the service


def learn(client: Client) -> World:
    """Looks around. Raises ServiceUnavailableError, also when there are no movies."""
    movies = {movie["id"]: movie for genre in GENRES for movie in client.genre(genre, 100)}
    popular = [movie["id"] for movie in client.lists(_stranger())[0]]
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
    return World(popular, list(movies.values()), max(users // 2, 16))


def _stranger() -> int:
    return NEW_IDS * random.randint(2, 1_000_000)


class Player(threading.Thread):
    """Plays `rate` sessions a second with users of its own."""

    def __init__(
        self,
        world: World,
        client: Client,
        sender: Sender,
        *,
        rate: float,
        first: int,
        step: int,
        stop: threading.Event,
    ) -> None:
        super().__init__(name=f"play-{first}", daemon=True)
        self.world, self.client, self.sender = world, client, sender
        self.rate, self.first, self.step, self.stop = rate, first, step, stop
        self.random = random.Random(first * 7919 + time.time_ns())
        self.users: dict[int, PlayedUser] = {}
        self.sessions = 0
        self.last = datetime.min.replace(tzinfo=UTC)

    def run(self) -> None:
        start = time.monotonic()
        turn = 0
        while not self.stop.wait(max(0.0, start + turn / self.rate - time.monotonic())):
            turn = max(
                turn + 1, math.floor((time.monotonic() - start - 1) * self.rate)
            )  # what is missed is not made up
            try:
                self.play()
            except ServiceUnavailableError:  # counted; the users try again later
                self.stop.wait(0.5)

    def play(self) -> None:
        """One user looks at the lists, watches something, and Events reports it. Raises ServiceUnavailableError."""
        user_id = self._who()
        recommended, watching = self.client.lists(user_id)
        user = self.users.get(user_id) or self._meet(user_id, recommended, watching)
        if user.busy_until > time.monotonic():
            return
        choice = list(recommended)
        if self.random.random() < GENRE_LOOKS or not choice:
            choice += self.client.genre(self.random.choice(GENRES))
        events = []
        for _ in range(self.random.choice((1, 1, 2, 3))):
            movie, progress = user.chooses(self.random, choice)
            if movie:
                at = self._now()
                user.watches(movie, progress, at)
                events.append({"movie": {"id": movie}, "progress": progress, "startTime": at.isoformat()})
        if events:
            self.users[user_id] = user
            user.mentioned = True
            self.sessions += 1
            self.sender.session(user_id, events)
            if self.random.random() < NEW_LISTS:
                self._recommend(user)

    def _who(self) -> int:
        if self.users and (len(self.users) >= MOST_USERS or self.random.random() < KNOWN_USER):
            return self.random.choice(list(self.users))
        slice_ = self.first + self.step * self.random.randrange(max(1, self.world.users // self.step))
        return slice_ + (_stranger() // self.step * self.step if self.random.random() < NEW_USER else 0)

    def _meet(self, user_id: int, recommended: list[Movie], watching: list[Movie]) -> PlayedUser:
        ids = [movie["id"] for movie in recommended]
        # What names popular movies may be shown because nothing of the user's own list is left.
        own = not set(ids).intersection(self.world.popular)
        return PlayedUser(user_id, ids if own else [], {movie["id"]: movie["progress"] for movie in watching})

    def _now(self) -> datetime:
        """Later than any time it gave before, so that no two events of a user are at once."""
        self.last = max(datetime.now(UTC), self.last + timedelta(milliseconds=1))
        return self.last

    def _recommend(self, user: PlayedUser) -> None:
        touched = user.touched()
        movies = [movie for movie in self.world.movies if movie["id"] not in touched]
        chosen = sorted(movies, key=lambda movie: user.likes(movie) * self.random.random(), reverse=True)[
            :LONGEST
        ]
        user.recommended = [movie["id"] for movie in chosen]
        user.busy_until = time.monotonic() + LATEST_SECONDS + 1
        self.sender.recommendations(user.id, user.recommended)


@dataclass(slots=True)
class Play:
    """All players of one run."""

    players: list[Player]
    sender: Sender
    stop: threading.Event

    def start(self) -> None:
        self.sender.start()
        for player in self.players:
            player.start()

    def end(self, seconds: float) -> int:
        """Nobody plays any more and everything is sent; returns how many messages could not be."""
        self.stop.set()
        until = time.monotonic() + seconds
        for player in self.players:
            player.join(max(0.0, until - time.monotonic()))
        return self.sender.finish(max(0.1, until - time.monotonic()))

    def sessions(self) -> int:
        """How many were played so far."""
        return sum(player.sessions for player in self.players)

    def users(self) -> list[PlayedUser]:
        """Those of whom something was told."""
        return [user for player in self.players for user in player.users.values() if user.mentioned]


def make_play(
    world: World, url: str, key: str, sender: Sender, figures: Figures, *, rate: float, slice_: int
) -> Play:
    """Players for this many sessions a second, with the users whose ids are `slice_` modulo SLICES."""
    threads = min(MOST_THREADS, max(1, math.ceil(rate / SESSIONS_A_THREAD)))
    stop = threading.Event()
    players = [
        Player(
            world,
            Client(url, figures, key),
            sender,
            rate=rate / threads,
            first=slice_ + SLICES * number,
            step=SLICES * threads,
            stop=stop,
        )
        for number in range(threads)
    ]
    return Play(players, sender, stop)
