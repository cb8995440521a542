"""A record of a message, as the recorder makes it."""

from sessions_ingest.message_log.record import Record

SENT = 1_700_000_000_000  # milliseconds since 1970


def recorded(
    number: int, *, state: str = "applied", user: int | None = 7, movies: tuple[int, ...] = ()
) -> Record:
    """A message that ended `number` milliseconds after its sending, which is that of all of them."""
    return Record(
        id=f"m{number}",
        sent=SENT,
        at=SENT + number,
        delivery=1,
        state=state,
        outcome=f"outcome of {number}",
        body=f'{{"number": {number}}}',
        user=user,
        movies=movies,
    )
