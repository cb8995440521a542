"""Checks, before anything is created, what the service needs of its database, with the statement that fixes it."""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

OLDEST_POSTGRES = 16
# The schema of each extension: functions name unaccent with its schema, the search path finds the others.
EXTENSIONS = {"unaccent": "public", "pg_trgm": None, "fuzzystrmatch": None}

# Names are quoted for use in statements.
ABOUT = """
SELECT current_setting('server_version_num')::int / 10000, current_setting('server_encoding'),
       quote_ident(current_database()), quote_ident(current_database() || '_before'), quote_ident(current_user),
       quote_ident(current_schema()), coalesce(has_schema_privilege(current_schema(), 'CREATE'), false),
       has_database_privilege(current_database(), 'CREATE'),
       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
       current_setting('transaction_read_only')::bool
"""
LETTERS = "SELECT lower('ЙÉΣ') = 'йéσ', datctype FROM pg_database WHERE datname = current_database()"
KNOWN = """
SELECT name, quote_ident(n.nspname), n.nspname = ANY (current_schemas(true)), a.name IS NOT NULL,
       coalesce((SELECT v.trusted FROM pg_available_extension_versions v
                 WHERE v.name = a.name AND v.version = a.default_version), false)
FROM unnest(%s::text[]) WITH ORDINALITY AS wanted (name, place)
LEFT JOIN pg_available_extensions a USING (name)
LEFT JOIN pg_extension e ON e.extname = name LEFT JOIN pg_namespace n ON n.oid = e.extnamespace
ORDER BY place
"""


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """A line for each unmet requirement, with the statement that fixes it. Raises OperationalError."""
    with connection.cursor() as cursor:
        cursor.execute(ABOUT)
        version, encoding, database, before, role, schema, may_create, *rights, read_only = cursor.fetchone()
        if version < OLDEST_POSTGRES:
            return [f"The database is PostgreSQL {version}; PostgreSQL {OLDEST_POSTGRES} or newer is needed."]
        recreate = (
            f"Recreate it, connected to another database: ALTER DATABASE {database} RENAME TO {before};"
            f" CREATE DATABASE {database} OWNER {role} TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER libc"
            " LOCALE 'C.UTF-8';"
        )
        if encoding != "UTF8":
            return [f"The encoding of database {database} is {encoding}; titles need UTF8. {recreate}"]
        cursor.execute(LETTERS)
        knows_letters, ctype = cursor.fetchone()
        if not knows_letters:
            return [
                f"Database {database} has LC_CTYPE {ctype}, which knows only the letters a to z:"
                f" search would miss titles. {recreate}"
            ]
        found = []
        if read_only:
            found.append(
                f"Database {database} takes no writes: it is a standby, or default_transaction_read_only is on."
            )
        if not may_create:
            where = schema or "public"
            make = "" if schema else f"CREATE SCHEMA IF NOT EXISTS {where}; "
            found.append(
                f"Role {role} may not create tables in schema {where} of database {database}. Its owner runs there:"
                f" {make}GRANT USAGE, CREATE ON SCHEMA {where} TO {role};"
            )
        extensions, statements = _extensions(cursor, schema, may_extend=rights[0], superuser=rights[1])
        if statements:
            found.append(
                f"Role {role} may not create the extensions that search needs. A superuser runs in database"
                f" {database}: {' '.join(statements)}"
            )
        return found + extensions


def _extensions(
    cursor: Any, schema: str | None, *, may_extend: bool, superuser: bool
) -> tuple[list[str], list[str]]:
    """A line for each extension that the server lacks, and the statements for those that the role may not create."""
    missing_files, statements = [], []
    cursor.execute(KNOWN, [list(EXTENSIONS)])
    for name, at, is_found, available, trusted in cursor.fetchall():
        place = EXTENSIONS[name]
        if at is None and not available:
            missing_files.append(
                f"PostgreSQL's server has no extension {name}: install its contrib modules (Debian:"
                " postgresql-contrib)."
            )
        elif at is None:
            may_make = superuser or (trusted and may_extend)
            if not may_make or place not in (None, schema):
                statements.append(
                    f"CREATE EXTENSION IF NOT EXISTS {name}{f' SCHEMA {place}' if place else ''};"
                )
        elif not (at == place if place else is_found):
            statements.append(f"ALTER EXTENSION {name} SET SCHEMA {place or schema};")
    return missing_files, statements
