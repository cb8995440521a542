"""Prepared statements for the hot reads: planned once for each connection, executed without the ORM's cursor."""

import threading
import zlib
from typing import Any

import psycopg2
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, ProgrammingError, connections

from movies.foundation.database_errors import Condition, condition_of, sqlstate

CONNECTION_ERRORS = (psycopg2.OperationalError, psycopg2.InterfaceError)


class _ThreadConnection(threading.local):
    """A thread's Django connection, the psycopg2 connection behind it, and a cursor of that."""

    def __init__(self) -> None:
        self.connection: Any = connections[DEFAULT_DB_ALIAS]  # cached, because the look-up is expensive
        self.raw: Any = None
        self.cursor: Any = None
        self.prepared: set[PreparedStatement] = set()  # on this raw connection; a new one has none

    def renew(self) -> None:
        """Uses the raw connection that Django has now, connecting first if there is none."""
        if self.connection.connection is None:
            self.connection.connect()
        self.raw = self.connection.connection
        self.cursor = self.raw.cursor()
        self.prepared = set()


thread_connection = _ThreadConnection()


class PreparedStatement:
    """A statement that returns exactly one row.

    psycopg2 has no prepared statements, so PREPARE and EXECUTE are sent as text, and values as SQL literals.
    `sql` uses $1, $2, ... of the given types.
    """

    def __init__(self, name: str, types: tuple[str, ...], sql: str) -> None:
        # The name has a checksum, because a pooled server connection may have the statement of an older release.
        self.name = name = f"{name}_{zlib.crc32(sql.encode()):08x}"
        self.sql = sql
        parameters = f"({', '.join(types)})" if types else ""
        self._prepare = f"PREPARE {name} {parameters} AS {sql}"
        self._execute = f"EXECUTE {name}" + (f"({','.join(['%s'] * len(types))})" if types else "")

    def row(self, *literals: str) -> tuple:
        """The row. Reconnects once if the connection was lost since its last use.

        Raises django.db.OperationalError or InterfaceError when the database does not answer.
        """
        connection = thread_connection.connection
        try:
            return self._run(connection, literals)
        except CONNECTION_ERRORS as error:
            if connection.in_atomic_block or _is_from_server(error):
                raise OperationalError(*error.args) from error
        connection.close()
        try:
            return self._run(connection, literals)
        except psycopg2.InterfaceError as error:
            raise InterfaceError(*error.args) from error
        except psycopg2.OperationalError as error:
            raise OperationalError(*error.args) from error

    def _run(self, connection: Any, literals: tuple[str, ...]) -> tuple:
        raw = connection.connection
        if raw is None or raw is not thread_connection.raw:
            thread_connection.renew()
        cursor = thread_connection.cursor
        try:
            try:
                self._run_prepared(cursor, literals)
            except psycopg2.errors.FeatureNotSupported:
                # "cached plan must not change result type": a migration gave a column another type
                if connection.in_atomic_block:
                    raise ProgrammingError(f"{self.name} was prepared before a table was changed") from None
                cursor.execute(f"DEALLOCATE {self.name}")
                thread_connection.prepared.discard(self)
                self._run_prepared(cursor, literals)
        except (psycopg2.errors.InvalidSqlStatementName, psycopg2.errors.DuplicatePreparedStatement):
            # A pooler assigned another server connection, so the statement runs unprepared.
            if connection.in_atomic_block:
                raise ProgrammingError(f"{self.name} was prepared on another connection") from None
            thread_connection.prepared.discard(self)
            cursor.execute(self._plain(literals))
        connection.health_check_done = True  # it answered, so the ORM need not check it
        return cursor.fetchone()

    def _run_prepared(self, cursor: Any, literals: tuple[str, ...]) -> None:
        if self not in thread_connection.prepared:
            cursor.execute(self._prepare)
            thread_connection.prepared.add(self)
        cursor.execute(self._execute % literals)

    def _plain(self, literals: tuple[str, ...]) -> str:
        sql = self.sql
        for number in range(len(literals), 0, -1):
            sql = sql.replace(f"${number}", literals[number - 1])
        return sql


def _is_from_server(error: psycopg2.Error) -> bool:
    """Whether the server refused the statement (a timeout, a lock): reconnecting would not help."""
    return bool(sqlstate(error)) and condition_of(error) is not Condition.CONNECTION_LOST
