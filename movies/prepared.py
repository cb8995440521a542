"""Statements of the hot reads, planned once for each connection and run past the ORM's cursor."""

from typing import Any

import psycopg2
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, ProgrammingError, connections

LOST = (psycopg2.OperationalError, psycopg2.InterfaceError)


class Prepared:
    """One statement that gives exactly one row.

    psycopg2 cannot prepare by itself, so PREPARE and EXECUTE are sent as text, and values as SQL literals.
    `sql` uses $1, $2, ... of the given types.
    """

    def __init__(self, name: str, types: tuple[str, ...], sql: str) -> None:
        self.name = name
        self.sql = sql
        self._prepare = f"PREPARE {name} ({', '.join(types)}) AS {sql}"
        # the Django connection keeps which raw connection this was prepared on: a new one starts without
        self._mark = f"_prepared_{name}"

    def row(self, *literals: str) -> tuple:
        """The row. A connection that was lost since its last use is made anew, once, before this fails.

        Raises django.db.OperationalError or InterfaceError when the database does not answer.
        """
        connection = connections[
            DEFAULT_DB_ALIAS
        ]  # this thread's own: going through the proxy costs 1 us a use
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
        if raw is None:
            connection.connect()
            raw = connection.connection
        state = connection.__dict__
        cursor = raw.cursor()
        try:
            if state.get(self._mark) is not raw:
                cursor.execute(self._prepare)
                state[self._mark] = raw
            cursor.execute(f"EXECUTE {self.name}({','.join(literals)})")
        except (psycopg2.errors.InvalidSqlStatementName, psycopg2.errors.DuplicatePreparedStatement):
            # A pooler in between gave us another server connection: there nothing can be prepared for good.
            if connection.in_atomic_block:
                raise ProgrammingError(f"{self.name} was prepared on another connection") from None
            state[self._mark] = None
            cursor.execute(self._plain(literals))
        connection.health_check_done = True  # it answered: the ORM need not ask whether it does
        return cursor.fetchone()

    def _plain(self, literals: tuple[str, ...]) -> str:
        sql = self.sql
        for number in range(len(literals), 0, -1):
            sql = sql.replace(f"${number}", literals[number - 1])
        return sql


def _answered(error: psycopg2.Error) -> bool:
    """The server refused the statement (a time-out, a lock): a new connection would not help."""
    return bool(error.pgcode) and not str(error.pgcode).startswith(("57P", "08"))
