"""Signs of life of processes that no port answers for."""

from django.db import connection

EVERY_SECONDS = 10.0
ALIVE_SECONDS = 45.0  # older than this, and it is not alive: four signs are missing


def sign(name: str) -> None:
    """The process of this name is alive, as of now by the database's clock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO tetraflix_heartbeat (name, at) VALUES (%s, now())"
            " ON CONFLICT (name) DO UPDATE SET at = excluded.at",
            [name],
        )


def age(name: str) -> float | None:
    """Seconds since its last sign of life; None when there never was one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM now() - at) FROM tetraflix_heartbeat WHERE name = %s", [name]
        )
        row = cursor.fetchone()
    return float(row[0]) if row else None
