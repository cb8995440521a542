"""A conflict: somebody changed a movie while a person edited it. Both changes are kept where they do not meet."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from django.utils.safestring import SafeString

from movies.models import Movie, MovieChange
from movies.staff_pages.bars import genre_bar

FIELDS = {"title": "Title", "profile": "Genres", "hidden": "State"}


@dataclass(frozen=True, slots=True)
class Choice:
    """A field in which theirs and mine differ. `opened`: when the person opened the form; None if not on record."""

    field: str
    opened: Any
    theirs: Any
    mine: Any

    @property
    def label(self) -> str:
        return FIELDS[self.field]

    @property
    def takes_theirs(self) -> bool:
        """The person did not change the field, so their own value is merely the old one."""
        return self.mine == self.opened

    @property
    def merged(self) -> Any:
        return self.theirs if self.takes_theirs else self.mine

    def shown(self) -> list[tuple[str, str | SafeString]]:
        """The three values for people, with the names of their columns."""
        values = {"When you opened it": self.opened, "Theirs": self.theirs, "Yours": self.mine}
        return [(name, _shown(self.field, value)) for name, value in values.items()]

    def as_json(self) -> str:
        """Both values, for the buttons that choose one."""
        return orjson.dumps({"theirs": self.theirs, "mine": self.mine}).decode()


@dataclass(frozen=True, slots=True)
class Conflict:
    """What others changed since a version, and where it differs from what the person typed."""

    actor: str
    at: datetime
    choices: list[Choice]

    @property
    def merged(self) -> dict[str, Any]:
        return {choice.field: choice.merged for choice in self.choices}


def conflict_of(movie: Movie, *, seen: int, typed: Mapping[str, Any]) -> Conflict:
    """The conflict of the stored movie with a form that was opened at version `seen`."""
    since = MovieChange.objects.filter(movie_id=movie.pk, version__gt=seen).order_by("version")
    first, last = since.first(), since.last()
    opened = (first.before if first else None) or {}
    return Conflict(
        actor=(last.actor if last else "") or "unknown",
        at=last.at if last else movie.updated,
        choices=[
            Choice(field, opened.get(field), getattr(movie, field), typed[field])
            for field in FIELDS
            if getattr(movie, field) != typed[field]
        ],
    )


def _shown(field: str, value: Any) -> str | SafeString:
    if value is None:
        return "not on record"
    if field == "profile":
        return genre_bar(value)
    return {True: "hidden", False: "visible"}[value] if field == "hidden" else str(value)
