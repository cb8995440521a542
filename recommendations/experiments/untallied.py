"""Users of whom a fact is new: what experiments count of them is to be counted again.

The transaction that stores a fact about a user marks the user first. So a mark is seen together with its fact, and a
count that began before waits for it.
"""

from collections.abc import Iterable

from django.db import connection


def mark(user_ids: Iterable[int]) -> None:
    """Marks the users. Call it before anything else about them is written: everybody locks marks first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT recommendations_untallied(%s::bigint[])", [list(user_ids)])


def take(limit: int) -> list[int]:
    """Clears up to `limit` marks, and returns their users; the transaction keeps them from other counts.

    Leaves out users whose facts are being written at this moment: they stay marked.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH taken AS (
                SELECT user_id FROM recommendations_changeduser WHERE untallied
                ORDER BY user_id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED)
            UPDATE recommendations_changeduser AS known SET untallied = false
            FROM taken WHERE known.user_id = taken.user_id RETURNING known.user_id
            """,
            [limit],
        )
        return [user_id for (user_id,) in cursor.fetchall()]
