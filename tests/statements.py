"""Records every SQL statement of a test, also those that bypass Django's cursors, which its own counter misses."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from movies.foundation.prepared_statements import thread_connection


class RecordingConnection:
    """A psycopg2 connection that records what its cursors execute."""

    def __init__(self, raw: Any, sent: list[str]) -> None:
        self.__dict__.update(raw=raw, sent=sent)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.raw, name, value)

    def cursor(self, *args: Any, **kwargs: Any) -> "RecordingCursor":
        return RecordingCursor(self.raw.cursor(*args, **kwargs), self.sent)


class RecordingCursor:
    """A psycopg2 cursor that records what it executes."""

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
    """The statements of the block, except PREPARE."""
    connection.ensure_connection()
    raw = connection.connection
    sent: list[str] = []
    recording = RecordingConnection(raw, sent)
    _swap(raw, recording)
    try:
        yield sent
    finally:
        _swap(recording, raw)


def _swap(old: Any, new: Any) -> None:
    """Replaces the raw connection of Django and of the prepared statements."""
    connection.connection = new
    if thread_connection.raw is old:
        thread_connection.raw, thread_connection.cursor = new, new.cursor()
