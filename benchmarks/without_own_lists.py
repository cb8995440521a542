"""The service as it read lists before there were own ones: no dismissed movies, and no log of reads."""

from benchmarks.baseline import application
from movies.foundation.prepared_statements import PreparedStatement
from recommendations.stores.base import ServedRow
from recommendations.stores.postgres import PostgresStore

__all__ = ["application"]

SERVED = PreparedStatement(
    "recommendations_served",
    ("bigint",),
    "SELECT i.version, u.recommended, u.watching, u.progress::text"
    " FROM movies_inventory i LEFT JOIN recommendations_userlists u ON u.user_id = $1",
)


def served(self: PostgresStore, user_id: int, *, unread: bool = False) -> tuple[ServedRow | None, int]:
    version, recommended, watching, progress = SERVED.row(str(user_id))
    if recommended is None:
        return None, version
    shares = progress[1:-1].encode().split(b",") if watching else []
    return ServedRow(recommended, watching, shares), version


PostgresStore.served = served  # type: ignore[method-assign]
