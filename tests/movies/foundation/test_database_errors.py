"""SQLSTATE codes stand for conditions, wherever in the chain of causes the code is."""

import psycopg2
import pytest
from django.db import InterfaceError, OperationalError, ProgrammingError

from movies.foundation.database_errors import (
    Condition,
    condition_of,
    is_lock_timeout,
    is_unavailable,
    sqlstate,
)


def raised(code: str | None) -> psycopg2.Error:
    """A driver's error with the code, whose attribute psycopg2 makes read-only."""
    return type("Raised", (psycopg2.OperationalError,), {"pgcode": code})()


def wrapped(code: str | None) -> OperationalError:
    """The error as Django raises it."""
    error = OperationalError("the server's message")
    error.__cause__ = raised(code)
    return error


@pytest.mark.parametrize(
    ("code", "condition", "unavailable"),
    [
        ("08006", Condition.CONNECTION_LOST, True),
        ("57P01", Condition.CONNECTION_LOST, True),
        ("57P03", Condition.CONNECTION_LOST, True),
        ("53300", Condition.TOO_MANY_CONNECTIONS, True),
        ("53100", Condition.OUT_OF_RESOURCES, False),
        ("53200", Condition.OUT_OF_RESOURCES, False),
        ("58030", Condition.STORAGE_FAILED, False),
        ("25P03", Condition.IDLE_SESSION_ENDED, True),
        ("57014", Condition.STATEMENT_CANCELED, False),
        ("55P03", Condition.LOCK_NOT_AVAILABLE, False),
        ("40001", Condition.CONFLICT, False),
        ("40P01", Condition.CONFLICT, False),
        ("40003", Condition.ROLLED_BACK, False),
        ("42P01", Condition.NOT_MIGRATED, False),
        ("42703", Condition.NOT_MIGRATED, False),
        ("25006", Condition.READ_ONLY, False),
        ("23505", None, False),
        ("55000", None, False),
    ],
)
def test_a_code_stands_for_a_condition(code: str, condition: Condition | None, unavailable: bool) -> None:
    assert condition_of(raised(code)) is condition
    assert condition_of(wrapped(code)) is condition
    assert is_unavailable(wrapped(code)) is unavailable
    assert is_lock_timeout(wrapped(code)) is (condition is Condition.LOCK_NOT_AVAILABLE)


@pytest.mark.parametrize("error", [wrapped(None), OperationalError(), InterfaceError()], ids=repr)
def test_a_connection_that_failed_without_a_code_is_unavailable(error: OperationalError) -> None:
    assert (sqlstate(error), condition_of(error)) == ("", None)
    assert is_unavailable(error)


def test_another_error_without_a_code_is_not() -> None:
    assert not is_unavailable(ProgrammingError())
    assert condition_of(ValueError()) is None
