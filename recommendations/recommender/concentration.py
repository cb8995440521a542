"""Measures how concentrated the lists are: how many movies are on them, and how alike and how old the lists are."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

import numpy as np
from django.db import connection
from numpy.typing import NDArray
from rich.table import Table

from movies.foundation.database_clock import database_time
from movies.models import Movie
from recommendations import stores
from recommendations.user_lists import UserLists

SAMPLE_USERS = 20_000  # whose lists are read at most
ALL = "all"

MOVIE = np.dtype([("id", ">i8"), ("profile", ">i8")])
# 16 bytes a movie; equal profiles have equal hashes
VISIBLE = """
SELECT string_agg(int8send(id) || int8send(hash_array_extended(profile, 0)), '' ORDER BY id)
FROM movies_movie WHERE NOT hidden
"""


@dataclass(frozen=True, slots=True)
class Movies:
    """The visible movies by ascending id, and a number for each that is equal for identical profiles."""

    ids: NDArray[np.int64]
    profiles: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Concentration:
    """Of the lists that `made_by` made: bus, generated, or a strategy; ALL for all of them."""

    made_by: str
    lists: int  # that name a movie
    movies: int  # visible ones that are on any of them
    coverage: float  # share of all visible movies
    top_movie: int | None  # the visible movie that is on most of them
    top_share: float  # share of the lists that it is on
    profiles: float  # median of the distinct profiles in a list
    median_age_seconds: float | None  # since a list was made or sent; None: unknown
    oldest_age_seconds: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """The concentration of all lists, then of those of each source. Of a sample where `sampled` < `users`."""

    users: int
    sampled: int
    movies: int  # visible ones
    parts: list[Concentration]
    titles: dict[int, str]  # of top movies

    @property
    def sentence(self) -> str:
        """What was measured."""
        if self.sampled < self.users:
            return (
                f"A sample of {self.sampled:,} of {self.users:,} users and {self.movies:,} visible movies;"
                " more lists would cover more movies."
            )
        return f"The lists of all {self.users:,} users; {self.movies:,} visible movies."

    def table(self) -> Table:
        """The figures, for a terminal: a column for each source of lists."""
        table = Table(caption=self.sentence, caption_justify="left")
        table.add_column("lists made by")
        for part in self.parts:
            table.add_column(part.made_by, justify="right", overflow="fold")
        rows: dict[str, Callable[[Concentration], str]] = {
            "lists": lambda part: f"{part.lists:,}",
            "movies on them": lambda part: f"{part.movies:,}",
            "coverage of visible movies": lambda part: f"{part.coverage:.2%}",
            "largest share of lists with one movie": lambda part: f"{part.top_share:.2%}",
            "that movie": self._top,
            "distinct profiles a list (median)": lambda part: f"{part.profiles:g}",
            "age (median)": lambda part: age(part.median_age_seconds),
            "age (oldest)": lambda part: age(part.oldest_age_seconds),
        }
        for name, value in rows.items():
            table.add_row(name, *map(value, self.parts))
        return table

    def _top(self, part: Concentration) -> str:
        return f"{self.titles.get(part.top_movie, '')} (#{part.top_movie})" if part.top_movie else ""


def age(seconds: float | None) -> str:
    """A duration in the unit that a person would choose."""
    if seconds is None:
        return ""
    for unit, length in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def report(*, users: int = SAMPLE_USERS) -> Report:
    """Measures the stored lists of everybody, or of about `users` users. Raises StoreUnavailable."""
    store = stores.current()
    stored = store.count()
    sampled = store.sample(users)
    movies = visible_movies()
    parts = concentrations(sampled, movies, database_time())
    top = {part.top_movie for part in parts if part.top_movie}
    titles = dict(Movie.objects.filter(pk__in=top).values_list("pk", "title"))
    # users come and go between the two statements
    number = len(sampled) if stored <= users else stored
    return Report(number, len(sampled), len(movies.ids), parts, titles)


def visible_movies() -> Movies:
    """All visible movies, in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(VISIBLE)
        rows = np.frombuffer(cursor.fetchone()[0] or b"", MOVIE)
    _, numbers = np.unique(rows["profile"], return_inverse=True)
    return Movies(rows["id"].astype(np.int64), numbers)


def concentrations(sampled: Sequence[UserLists], movies: Movies, now: datetime) -> list[Concentration]:
    """Of all of the lists, then of each source in the order of its name; nothing if no list names a movie."""
    named = [lists for lists in sampled if lists.recommended]
    lengths = np.array([len(lists.recommended) for lists in named], np.int64)
    ids = np.fromiter(chain.from_iterable(lists.recommended for lists in named), np.int64, lengths.sum())
    places = np.minimum(np.searchsorted(movies.ids, ids), max(0, len(movies.ids) - 1))
    visible = movies.ids[places] == ids if len(movies.ids) else np.zeros(len(ids), bool)
    owner, places = np.repeat(np.arange(len(named)), lengths)[visible], places[visible]
    ages = np.array(
        [(now - at).total_seconds() if (at := lists.recommended_at) else np.nan for lists in named]
    )
    sources = np.array([lists.recommended_by for lists in named])
    return [
        _concentration(name, chosen, owner, places, movies, ages)
        for name, chosen in _by_source(sources)
        if chosen.any()
    ]


def _by_source(sources: NDArray[np.str_]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """For all lists, then for each source: which lists are its own."""
    yield ALL, np.ones(len(sources), bool)
    for name in sorted(set(sources.tolist())):
        yield name, sources == name


def _concentration(
    made_by: str,
    chosen: NDArray[np.bool_],
    owner: NDArray[np.int64],
    places: NDArray[np.int64],
    movies: Movies,
    ages: NDArray[np.float64],
) -> Concentration:
    """Of the chosen lists. `owner` and `places` are parallel: the number of a list, and a movie on it."""
    mine = chosen[owner]
    on_lists = np.bincount(places[mine], minlength=1)
    # a list and a profile as one number, so that each pair is counted once
    pairs = np.unique(owner[mine] * (len(movies.ids) + 1) + movies.profiles[places[mine]])
    distinct = np.bincount(pairs // (len(movies.ids) + 1), minlength=len(chosen))[chosen]
    known = ages[chosen][~np.isnan(ages[chosen])]
    top, lists = int(on_lists.argmax()), int(chosen.sum())
    return Concentration(
        made_by=made_by,
        lists=lists,
        movies=int((on_lists > 0).sum()),
        coverage=float((on_lists > 0).sum()) / max(1, len(movies.ids)),
        top_movie=int(movies.ids[top]) if on_lists[top] else None,
        top_share=float(on_lists[top]) / lists,
        profiles=float(np.median(distinct)),
        median_age_seconds=float(np.median(known)) if len(known) else None,
        oldest_age_seconds=float(known.max()) if len(known) else None,
    )
