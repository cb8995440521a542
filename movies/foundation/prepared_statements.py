"""Statements of the hot reads, planned once for each connection and run past the ORM's cursor."""

import threading
import zlib
from typing import Any

import psycopg2
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, ProgrammingError, connections

from movies.foundation.database_errors import Condition, condition_of, sqlstate

LOST = (psycopg2.OperationalError, psycopg2.InterfaceError)


class _Kept(threading.local):
    """What a thread need not look up again: its Django connection, and a cursor of the raw one behind it."""

    def __init__(self) -> None:
        self.connection: Any = connections[DEFAULT_DB_ALIAS]  # kept: to ask for it each time is dear
        self.raw: Any = None
        self.cursor: Any = None
        self.prepared: set[PreparedStatement] = set()  # on this raw connection: a new one starts without

    def renew(self) -> None:
        """There is a raw connection, whichever Django has now, and a cursor of it."""
        if self.connection.connection is None:
            self.connection.connect()
        self.raw = self.connection.connection
        self.cursor = self.raw.cursor()
        self.prepared = set()


kept = _Kept()


class PreparedStatement:
    """One statement that gives exactly one row.

    psycopg2 cannot prepare by itself, so PREPARE and EXECUTE are sent as text, and values as SQL literals.
    `sql` uses $1, $2, ... of the given types.
    """

    def __init__(self, name: str, types: tuple[str, ...], sql: str) -> None:
        # The text is in the name: a server connection that a pooler keeps may hold what an older release prepared.
        self.name = name = f"{name}_{zlib.crc32(sql.encode()):08x}"
        self.sql = sql
        parameters = f"({', '.join(types)})" if types else ""
        self._prepare = f"PREPARE {name} {parameters} AS {sql}"
        self._execute = f"EXECUTE {name}" + (f"({','.join(['%s'] * len(types))})" if types else "")

    def row(self, *literals: str) -> tuple:
        """The row. A connection that was lost since its last use is made anew, once, before this fails.

        Raises django.db.OperationalError or InterfaceError when the database does not answer.
        """
        connection = kept.connection
        try:
            return self._run(connection, literals)
        except LOST as error:
            if connection.in_atomic_block or _answered(error):
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
        if raw is None or raw is not kept.raw:
            kept.renew()
        cursor = kept.cursor
        try:
            try:
                self._run_prepared(cursor, literals)
            except psycopg2.errors.FeatureNotSupported:
                # "cached plan must not change result type": a migration gave a column another type
                if connection.in_atomic_block:
                    raise ProgrammingError(f"{self.name} was prepared before a table was changed") from None
                cursor.execute(f"DEALLOCATE {self.name}")
                kept.prepared.discard(self)
                self._run_prepared(cursor, literals)
        except (psycopg2.errors.InvalidSqlStatementName, psycopg2.errors.DuplicatePreparedStatement):
            # A pooler in between gave us another server connection: there nothing can be prepared for good.
            if connection.in_atomic_block:
                raise ProgrammingError(f"{self.name} was prepared on another connection") from None
            kept.prepared.discard(self)
            cursor.execute(self._plain(literals))
        connection.health_check_done = True  # it answered: the ORM need not ask whether it does
        return cursor.fetchone()

    def _run_prepared(self, cursor: Any, literals: tuple[str, ...]) -> None:
        if self not in kept.prepared:
            cursor.execute(self._prepare)
            kept.prepared.add(self)
        cursor.execute(self._execute % literals)

    def _plain(self, literals: tuple[str, ...]) -> str:
        sql = self.sql
        for number in range(len(literals), 0, -1):
            sql = sql.replace(f"${number}", literals[number - 1])
        return sql


def _answered(error: psycopg2.Error) -> bool:
    """The server refused the statement (a time-out, a lock): a new connection would not help."""
    return bool(sqlstate(error)) and condition_of(error) is not Condition.CONNECTION_LOST
