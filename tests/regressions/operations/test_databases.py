"""Databases that DBAs provide and that cannot serve: refused in a line with the statement that fixes it."""

import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from tests.servers.running_stack import MANAGE, outside_environment
from tetraflix.embedded.ports import free_port
from tetraflix.embedded.postgres import EmbeddedPostgres

ROLE = "app"
EXTENSIONS = (
    "CREATE EXTENSION IF NOT EXISTS unaccent SCHEMA public; CREATE EXTENSION IF NOT EXISTS pg_trgm;"
    " CREATE EXTENSION IF NOT EXISTS fuzzystrmatch;"
)
MAY_NOT = "Role app may not create the extensions that search needs. A superuser runs in database given:"
NO_EXTENSIONS = f"{MAY_NOT} {EXTENSIONS}"
NO_TABLES = (
    "Role app may not create tables in schema public of database given. Its owner runs there:"
    " GRANT USAGE, CREATE ON SCHEMA public TO app;"
)
RECREATE = (
    "Recreate it, connected to another database: ALTER DATABASE given RENAME TO given_before; CREATE DATABASE"
    " given OWNER app TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER libc LOCALE 'C.UTF-8';"
)


class Given:
    """A database of a DBA, and a role that is no superuser."""

    def __init__(self, server: EmbeddedPostgres, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.url = f"postgresql://{ROLE}@127.0.0.1:{server.port}/given"
        self.as_superuser("postgres", f"CREATE ROLE {ROLE} LOGIN")

    def as_superuser(self, database: str, *statements: str) -> None:
        server = self.server
        with closing(
            psycopg2.connect(host="127.0.0.1", port=server.port, user="tetraflix", dbname=database)
        ) as connection:
            connection.autocommit = True
            for statement in statements:
                connection.cursor().execute(statement)

    def manage(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        env = outside_environment()
        env |= {"DATABASE_URL": self.url, "TETRAFLIX_VAR": str(self.folder / "var"), "PORT": str(free_port())}
        env |= {"AWS_ENDPOINT_URL_SQS": f"http://127.0.0.1:{free_port()}"}
        return subprocess.run(
            [sys.executable, MANAGE, *words],
            env=env | variables,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )


@pytest.fixture
def given(private_postgres: EmbeddedPostgres, open_folder: Path) -> Given:
    return Given(private_postgres, open_folder)


def refused(given: Given, *lines: str, by: tuple[str, ...] = ("migrate",)) -> None:
    """The command prints these lines and nothing else, and creates nothing."""
    text = "\n".join(lines)
    found = given.manage(*by)
    assert (found.returncode, found.stdout, found.stderr) == (1, "", f"CommandError: {text}\n"), by
    with closing(psycopg2.connect(given.url)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        assert cursor.fetchone() == (0,)


def refused_by_all(given: Given, *lines: str) -> None:
    """migrate, run, demo, check and status print these lines, the first three nothing else, and create nothing."""
    for command in (("migrate",), ("run",), ("demo", "--movies", "1")):
        refused(given, *lines, by=command)
    assert all(line in given.manage("check", "--database", "default").stderr for line in lines)
    status = given.manage("status")
    assert status.returncode == 1
    assert set(lines) <= set(status.stderr.splitlines())


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("ENCODING 'SQL_ASCII' LOCALE 'C'", "The encoding of database given is SQL_ASCII; titles need UTF8."),
        ("ENCODING 'LATIN1' LOCALE 'C'", "The encoding of database given is LATIN1; titles need UTF8."),
        *(
            (
                f"ENCODING 'UTF8' LC_COLLATE 'C.UTF-8' LC_CTYPE '{ctype}'",
                "Database given has LC_CTYPE C, which knows only the letters a to z: search would miss titles.",
            )
            for ctype in ("C", "POSIX")
        ),
    ],
)
def test_a_database_without_the_letters_of_titles_is_refused_and_the_statement_fixes_it(
    given: Given, options: str, reason: str
) -> None:
    """DB1: encoding and letters cannot be changed later, so nothing is created there."""
    given.as_superuser(
        "postgres", f"CREATE DATABASE given OWNER {ROLE} TEMPLATE template0 LOCALE_PROVIDER libc {options}"
    )
    refused(given, f"{reason} {RECREATE}")
    given.as_superuser("postgres", *RECREATE.partition("database: ")[2].split("; "))
    assert given.manage("migrate").returncode == 0


@pytest.mark.timeout(900)
def test_a_role_without_rights_gets_the_statements_for_a_dba(given: Given) -> None:
    """DB2: since PostgreSQL 15 only the owner may create tables in public."""
    given.as_superuser("postgres", "CREATE DATABASE given")
    refused_by_all(given, NO_TABLES, NO_EXTENSIONS)
    for line in (NO_TABLES, NO_EXTENSIONS):
        for statement in re.findall(r"(?:GRANT|CREATE)[^;]+;", line):
            given.as_superuser("given", statement)
    assert given.manage("migrate").returncode == 0


@pytest.mark.timeout(900)
def test_a_role_that_may_only_create_tables_gets_the_statements_for_the_extensions(given: Given) -> None:
    """DB3: CREATE on the schema, not on the database."""
    given.as_superuser("postgres", "CREATE DATABASE given")
    given.as_superuser("given", f"GRANT CREATE ON SCHEMA public TO {ROLE}")
    refused(given, NO_EXTENSIONS)
    given.as_superuser("given", "CREATE EXTENSION unaccent", "CREATE EXTENSION pg_trgm")
    last = "CREATE EXTENSION IF NOT EXISTS fuzzystrmatch;"
    refused(given, f"{MAY_NOT} {last}")
    given.as_superuser("given", last)
    assert given.manage("migrate").returncode == 0


@pytest.mark.timeout(900)
def test_the_owner_of_a_database_needs_no_dba(given: Given) -> None:
    """DB4: the extensions are trusted; another schema on the search path needs unaccent in public."""
    given.as_superuser("postgres", f"CREATE DATABASE given OWNER {ROLE}")
    assert given.manage("migrate").returncode == 0


@pytest.mark.timeout(900)
def test_a_read_only_database_is_refused(given: Given) -> None:
    """DB5: for example a standby."""
    given.as_superuser(
        "postgres",
        f"CREATE DATABASE given OWNER {ROLE}",
        f"ALTER ROLE {ROLE} SET default_transaction_read_only = on",
    )
    line = "Database given takes no writes: it is a standby, or default_transaction_read_only is on."
    refused_by_all(given, line)


@pytest.mark.timeout(900)
def test_another_schema_needs_unaccent_in_public(given: Given) -> None:
    """DB6: functions name it there; everything else follows the search path."""
    given.as_superuser("postgres", f"CREATE DATABASE given OWNER {ROLE}")
    given.as_superuser(
        "given", f"CREATE SCHEMA theirs AUTHORIZATION {ROLE}", f"ALTER ROLE {ROLE} SET search_path = theirs"
    )
    statement = "CREATE EXTENSION IF NOT EXISTS unaccent SCHEMA public;"
    refused(given, f"{MAY_NOT} {statement}")
    given.as_superuser("given", statement)
    assert given.manage("migrate").returncode == 0
