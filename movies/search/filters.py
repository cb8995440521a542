"""Filters of the inventory: genre, state, views and last change; as a query over indexes, and as tests of a row."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL

from movies.genres import GENRE_POSITION
from movies.models import Movie

VIEWS_OF_ROW = "(SELECT views FROM movies_viewcount WHERE movie_id = m.id)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which movies; ranges include their ends. `hidden`: only hidden movies, only visible ones, or None for all."""

    genre: str | None = None
    hidden: bool | None = None
    views_from: int | None = None
    views_to: int | None = None
    changed_since: datetime | None = None

    @property
    def by_views(self) -> bool:
        return self.views_from is not None or self.views_to is not None

    @property
    def only_in_the_database(self) -> bool:
        """Whether a search index outside of the database lacks what these filters read."""
        return self.by_views or self.changed_since is not None

    def queryset(self) -> QuerySet[Movie]:
        """The movies, unordered; each filter alone is the condition of an index."""
        found = Movie.objects.order_by()
        if self.genre is not None:
            position = GENRE_POSITION[self.genre] + 1
            indexed = "movies_genres(profile) @> ARRAY[%s]::smallint[]"  # as the index is defined
            found = found.filter(RawSQL(indexed, [position], output_field=BooleanField()))  # noqa: S611  (a constant)
        if self.hidden is not None:
            found = found.filter(hidden=self.hidden)
        if self.views_from is not None:
            found = found.filter(viewcount__views__gte=self.views_from)
        if self.views_to is not None:
            found = found.filter(viewcount__views__lte=self.views_to)
        if self.changed_since is not None:
            changed = Q(updated__gte=self.changed_since)
            if self.hidden is None:  # names both states, because each has an index of its own
                changed = (Q(hidden=False) & changed) | (Q(hidden=True) & changed)
            found = found.filter(changed)
        return found

    def tests(self) -> list[str]:
        """SQL conditions without parameters on a row `m` of movies_movie, all but the state."""
        return [*self.genre_tests(), *self.views_tests(VIEWS_OF_ROW), *self.change_tests()]

    def genre_tests(self) -> list[str]:
        return [] if self.genre is None else [f"m.profile[{GENRE_POSITION[self.genre] + 1}] > 0"]

    def views_tests(self, views: str) -> list[str]:
        """`views`: the expression of the row's views."""
        ends = ((">=", self.views_from), ("<=", self.views_to))
        return [f"{views} {sign} {end:d}" for sign, end in ends if end is not None]

    def change_tests(self) -> list[str]:
        if self.changed_since is None:
            return []
        return [f"m.updated >= '{self.changed_since.astimezone(UTC).isoformat()}'::timestamptz"]

    def state(self) -> str:
        """The SQL condition on the state of a row `m` of movies_movie."""
        return {None: "true", True: "m.hidden", False: "NOT m.hidden"}[self.hidden]


VISIBLE = Filters(hidden=False)
