"""The simulated population: who there is, what they like, and what they do with the lists that they see.

The effect is known: people say that they like one genre, and watch another. What they watch comes from the list if it
holds a movie of that genre. So lists that follow what people watch are better than lists that follow what they said.
"""

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from tests.sessions_ingest.experiment.clients import Seen
from tests.sessions_ingest.experiment.model import Event

GENRES = 6  # that there are movies of: the first of the 15
MOVIES = 90
TOP = 6  # movies of a list that are seen without scrolling
MILLISECOND = timedelta(milliseconds=1)


def profile_of(movie: int) -> list[int]:
    """Mostly of one genre; all movies differ."""
    weights = [0] * 15
    weights[movie % GENRES] = 100 - movie // GENRES
    weights[(movie + 1) % GENRES] = movie // GENRES
    return weights


class People:
    """Everybody, and what they did so far. All draws come from a seed."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(f"people {seed}")
        numbers = iter(range(1, 10_000))

        def some(count: int) -> list[int]:
            return [next(numbers) for _ in range(count)]

        self.usual = some(290)  # said what they like, and have a history
        self.by_finishes = some(24)  # said nothing, but finished five movies
        self.unknown = some(12)  # said nothing, and finished three
        self.raters = some(12)
        self.late_raters = some(6)  # rated before everything, which is reported late
        self.of_the_bus = some(10)
        self.quiet = some(10)  # said what they like, and never watch anything
        self.early = some(8)  # look once, before lists are made for the experiment
        self.before = some(4)  # look once, before it starts
        self.watched: dict[int, set[int]] = defaultdict(set)

    def said(self) -> dict[int, Sequence[int]]:
        """The preferences of those who give them: of a genre that they do not watch."""
        silent = {*self.by_finishes, *self.unknown}
        return {
            user: profile_of(GENRES + self._stated(user)) for user in self.everybody() if user not in silent
        }

    def everybody(self) -> list[int]:
        groups = (self.usual, self.by_finishes, self.unknown, self.raters, self.late_raters)
        return [
            user
            for group in (*groups, self.of_the_bus, self.quiet, self.early, self.before)
            for user in group
        ]

    def history(self, until: datetime) -> list[Event]:
        """What they watched in the 25 days before the experiment."""
        events: list[Event] = []
        for user in self.everybody():
            if user in self.quiet:
                continue
            days = sorted(self._draw.uniform(0.1, 25) for _ in range(3 if user in self.unknown else 8))
            for place, day in enumerate(reversed(days)):
                movie = self._unwatched(user, self._stated(user) if place < 5 else self._taste(user))
                at = _milliseconds(until - timedelta(days=day))
                events.append(self._event(user, movie, 1.0, at))
        events += [self._rated(events, user) for user in self.raters]
        return events

    def late_ratings(self, history: Iterable[Event]) -> list[Event]:
        """Ratings from before everything, reported late."""
        return [self._rated(history, user) for user in self.late_raters]

    def bus_list(self) -> list[int]:
        return self._draw.sample(range(1, MOVIES + 1), 12)

    def lookers(self) -> list[int]:
        """Who looks in a round, some more than once, in any order."""
        left_out = {*self.early, *self.before, *self.quiet}
        mine = [user for user in self.everybody() if user not in left_out and self._draw.random() < 0.85]
        return self.shuffled([*mine, *(user for user in mine if self._draw.random() < 0.4)])

    def react(self, seen: Iterable[Seen], begin: datetime, end: datetime) -> list[Event]:
        """What those who looked did between these times."""
        shown = {each.user: each.movies for each in seen}
        events: list[Event] = []
        for user in sorted(shown):
            for _ in range(self._draw.choice((0, 1, 2, 2, 3))):
                events += self._watch(user, shown[user], begin, end)
        return events

    def shuffled(self, items: Iterable[Any]) -> list[Any]:
        found = list(items)
        self._draw.shuffle(found)
        return found

    def sessions(self, events: Iterable[Event]) -> list[dict[str, Any]]:
        """The events as messages in any order, some of them twice or more often."""
        by_session: dict[tuple[int, str | None], list[Event]] = defaultdict(list)
        for event in events:
            by_session[event.user, event.group].append(event)
        bodies = []
        for (user, group), mine in by_session.items():
            left = self.shuffled(mine)
            while left:
                size = self._draw.randint(1, 5)
                bodies.append(_session(user, group, left[:size]))
                left = left[size:]
        return self.shuffled(body for body in bodies for _ in range(self._draw.choice((1, 1, 2, 3))))

    def _watch(self, user: int, shown: Sequence[int], begin: datetime, end: datetime) -> list[Event]:
        draw = self._draw
        liked = [movie for movie in shown[:TOP] if movie % GENRES == self._taste(user)]
        if draw.random() < 0.06 and self.watched[user]:
            movie = draw.choice(sorted(self.watched[user]))  # again
        elif liked and draw.random() < 0.8:
            movie = liked[0]
        elif shown and draw.random() < 0.2:
            movie = draw.choice(shown)
        else:
            movie = draw.randint(1, MOVIES)
        self.watched[user].add(movie)
        times = sorted(self._time(begin, end) for _ in range(2))
        chance = draw.random()
        if chance < 0.2:
            return [self._event(user, movie, 0.3, times[0], shown)]
        if chance < 0.5:
            return [
                self._event(user, movie, 0.5, times[0], shown),
                self._event(user, movie, 1.0, times[1], shown),
            ]
        events = [self._event(user, movie, 1.0, times[0], shown)]
        if chance > 0.9:  # the same, said otherwise
            events.append(self._event(user, movie, 1.0, times[0], shown))
        if draw.random() < 0.02:
            events.append(self._rated(events, user))
        return events

    def _event(
        self, user: int, movie: int, progress: float, at: datetime, shown: Sequence[int] = ()
    ) -> Event:
        draw = self._draw
        is_rec = draw.choice((None, movie in shown, movie in shown, draw.random() < 0.5))
        group = draw.choice((None, None, "fixed", "modelled", "0", "1"))
        return Event(user, movie, progress, at, None, is_rec, group)

    def _rated(self, events: Iterable[Event], user: int) -> Event:
        """The first of the user's events once more, with a rating."""
        first = min((event for event in events if event.user == user), key=lambda event: event.at)
        return Event(user, first.movie, first.progress, first.at, 4, first.is_rec, first.group)

    def _time(self, begin: datetime, end: datetime) -> datetime:
        return begin + self._draw.randrange((end - begin) // MILLISECOND) * MILLISECOND

    def _unwatched(self, user: int, genre: int) -> int:
        left = [movie for movie in range(1, MOVIES + 1) if movie % GENRES == genre]
        movie = self._draw.choice([movie for movie in left if movie not in self.watched[user]])
        self.watched[user].add(movie)
        return movie

    def _stated(self, user: int) -> int:
        return user % GENRES

    def _taste(self, user: int) -> int:
        return (user + 1 + user // GENRES % (GENRES - 1)) % GENRES  # never the stated one


def _session(user: int, group: str | None, events: Iterable[Event]) -> dict[str, Any]:
    body: dict[str, Any] = {"userId": user, "events": [_wire(event) for event in events]}
    return body if group is None else body | {"groupId": int(group) if group.isdigit() else group}


def _wire(event: Event) -> dict[str, Any]:
    movie: dict[str, Any] = {"id": event.movie}
    if event.is_rec is not None:
        movie["isRec"] = event.is_rec
    if event.rating is not None:
        movie["rating"] = event.rating
    return {"movie": movie, "progress": event.progress, "timestamp": event.at.isoformat()}


def _milliseconds(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
