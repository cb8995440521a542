"""Prepared statements survive lost connections and changes of their tables."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.db import ProgrammingError, connection, transaction
from django.test import Client

from movies.foundation.prepared_statements import PreparedStatement
from recommendations import stores
from recommendations.user_lists import Entry, UserLists
from tests.movies.factories import movie, other_connection, wire

pytestmark = pytest.mark.django_db(transaction=True)
ADDRESS = "/tetraflix/recommendations/7"
AT = datetime(2017, 9, 8, 12, 50, tzinfo=UTC)
ONE = PreparedStatement("tests_one", ("int",), "SELECT id, word FROM tests_words WHERE id = $1")


def alter(sql: str) -> None:
    """Runs the SQL as another process, like a migration."""
    with other_connection() as other, other.cursor() as cursor:
        cursor.execute(sql)
        other.commit()


@pytest.fixture
def words() -> Iterator[None]:
    alter("CREATE TABLE tests_words AS SELECT 7 AS id, 'seven'::varchar(9) AS word")
    yield
    alter("DROP TABLE tests_words")


def test_a_statement_is_prepared_again_after_a_column_changed_its_type(words: None) -> None:
    assert ONE.row("7") == (7, "seven")
    alter("ALTER TABLE tests_words ALTER word TYPE text, ALTER id TYPE bigint")
    for _ in range(2):
        assert ONE.row("7") == (7, "seven")


def test_in_a_transaction_it_fails_and_afterwards_it_succeeds(words: None) -> None:
    assert ONE.row("7") == (7, "seven")
    alter("ALTER TABLE tests_words ALTER id TYPE bigint")
    with pytest.raises(ProgrammingError, match=r"tests_one_\w+ was prepared before"), transaction.atomic():
        ONE.row("7")
    assert ONE.row("7") == (7, "seven")


def test_a_later_release_never_runs_an_earlier_statement_of_the_same_name(words: None) -> None:
    assert ONE.row("7") == (7, "seven")
    later = PreparedStatement("tests_one", ("int",), "SELECT word, id FROM tests_words WHERE id = $1")
    assert later.row("7") == ("seven", 7)


def test_a_migration_fails_no_request(client: Client) -> None:
    one = movie()
    stores.current().write([(7, UserLists(watching=(Entry(one.id, 0.5, AT),)))])
    answer = {"recommendations": [], "currentlyWatching": [wire(one, 0.5)]}
    assert client.get(ADDRESS).json() == answer
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT atttypid::regtype::text FROM pg_attribute WHERE attname = 'version'"
            " AND attrelid = 'movies_inventory'::regclass"
        )
        (usual,) = cursor.fetchone()
    try:
        alter("ALTER TABLE movies_inventory ALTER version TYPE numeric(20)")
        assert client.get(ADDRESS).json() == answer
    finally:
        alter(f"ALTER TABLE movies_inventory ALTER version TYPE {usual}")
    assert client.get(ADDRESS).json() == answer
