"""The database's clock, by which times of different hosts are compared."""

from datetime import datetime

from django.db import connection


def database_time() -> datetime:
    """The database server's present time. Hosts do not use their own clocks, because those differ."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone()
        return now
