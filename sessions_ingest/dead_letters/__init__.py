"""Dead letters: lists them by reason, redrives them, as they are or edited, discards them, and undoes that."""

from sessions_ingest.dead_letters.acts import ActionResult, discard, redrive, redrive_edited, undo_discard
from sessions_ingest.dead_letters.reading import (
    PEEK_LIMIT,
    DeadLetter,
    DeadLettersUnavailable,
    count,
    find,
    peek,
)
from sessions_ingest.dead_letters.reasons import (
    DEAD_LETTERED_BY_SQS,
    Group,
    Prospect,
    grouped,
    is_checked,
    problem,
)

__all__ = [
    "DEAD_LETTERED_BY_SQS",
    "PEEK_LIMIT",
    "ActionResult",
    "DeadLetter",
    "DeadLettersUnavailable",
    "Group",
    "Prospect",
    "count",
    "discard",
    "find",
    "grouped",
    "is_checked",
    "peek",
    "problem",
    "redrive",
    "redrive_edited",
    "undo_discard",
]
