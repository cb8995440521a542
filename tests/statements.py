"""Every SQL statement that a test sends, past Django's cursors too, all that its own counter sees."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from movies.foundation.prepared_statements import kept


class Watched:
    """A psycopg2 connection that notes what its cursors execute."""

    def __init__(self, raw: Any, sent: list[str]) -> None:
        self.__dict__.update(raw=raw, sent=sent)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.raw, name, value)

    def cursor(self, *args: Any, **kwargs: Any) -> "WatchedCursor":
        return WatchedCursor(self.raw.cursor(*args, **kwargs), self.sent)


class WatchedCursor:
    """A psycopg2 cursor that notes what it executes."""

    def __init__(self, raw: Any, sent: list[str]) -> None:
        self.__dict__.update(raw=raw, sent=sent)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.raw, name, value)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.raw)

    def execute(self, sql: Any, parameters: Any = None) -> Any:
        # PREPARE is sent once a connection, not once a request
        if not str(sql).startswith("PREPARE "):
            self.sent.append(str(sql))
        return self.raw.execute(sql, parameters)


@contextmanager
def sent_statements() -> Iterator[list[str]]:
    """The statements of the block, but for PREPARE."""
    connection.ensure_connection()
    raw = connection.connection
    sent: list[str] = []
    watched = Watched(raw, sent)
    _swap(raw, watched)
    try:
        yield sent
    finally:
        _swap(watched, raw)


def _swap(old: Any, new: Any) -> None:
    """Also where the hot reads keep it, with a cursor of it."""
    connection.connection = new
    if kept.raw is old:
        kept.raw, kept.cursor = new, new.cursor()
