"""What the page of dead letters shows of a queue: its messages by reason, each with its user and its last error."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings

from sessions_ingest import dead_letters
from sessions_ingest.dead_letters import DeadLetter, Group, Prospect
from sessions_ingest.dead_letters.reasons import user_of
from sessions_ingest.message_log import log
from sessions_ingest.message_log.outcomes import FAILED

SHOWN = dead_letters.PEEK_LIMIT  # dead letters of each queue on the page
ADVICE = {
    Prospect.RETURNS: "Invalid as they stand: a redrive brings them back at once. Edit them, or discard them.",
    Prospect.WORKS: "Valid as they stand: redrive them when what refused them is fixed.",
    Prospect.UNKNOWN: "Another program reads this queue, so nothing is checked here.",
}
TASKS_ADVICE = "Tasks of this service are sent again by themselves, so nothing is lost: discard them."


def queue_part(name: str) -> dict[str, Any]:
    """One queue's part of the page; an unavailable SQS is a message on the page, not an error."""
    try:
        letters = dead_letters.peek(name, limit=SHOWN)
        # SQS estimates a number, and is late with it after an act; what it delivered is exact
        number = len(letters) if len(letters) < SHOWN else max(SHOWN, dead_letters.count(name))
    except dead_letters.DeadLettersUnavailable as error:
        return {"name": name, "problem": str(error)}
    errors = _errors(name, letters)
    groups = dead_letters.grouped(letters)
    return {
        "name": name,
        "count": number,
        "written_count": f"{number:,}" if number < SHOWN else f"about {number:,}",
        "shown": len(letters),
        "returning": sum(len(group.letters) for group in groups if group.prospect is Prospect.RETURNS),
        "editable": dead_letters.is_checked(name),
        "groups": [_group(group, errors) for group in groups],
    }


def _group(group: Group, errors: dict[str, str]) -> dict[str, Any]:
    tasks = any(letter.queue == settings.CELERY_QUEUE for letter in group.letters)
    return {
        "reason": group.reason,
        "prospect": group.prospect.value,
        "look": "tf-bad" if group.prospect is Prospect.RETURNS else "",
        "advice": TASKS_ADVICE if tasks else ADVICE[group.prospect],
        "rows": [
            {
                "letter": letter,
                "user": user_of(letter.body),
                "reason": letter.reason or errors.get(letter.id, ""),
            }
            for letter in group.letters
        ],
    }


def _errors(queue: str, letters: Sequence[DeadLetter]) -> dict[str, str]:
    """The last error of each message that SQS dead-lettered, if the log of messages still has it."""
    wanted = {letter.id for letter in letters if not letter.reason}
    if not wanted:
        return {}
    records = reversed(log.last(queue, settings.MESSAGES_KEPT))
    return {record.id: record.outcome for record in records if record.state == FAILED and record.id in wanted}
