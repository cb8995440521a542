"""A batch of messages from one queue, and what applying it did."""

from collections.abc import Sequence
from dataclasses import dataclass

from sessions_ingest.messages import Recommendations, Session


@dataclass(frozen=True, slots=True)
class Batch:
    """Valid messages of one queue, and how many invalid ones were received with them."""

    queue: str  # "": messages that no queue brought, which are not measured
    messages: Sequence[Session | Recommendations]
    invalid: int = 0


@dataclass(slots=True)
class BatchOutcome:
    """What applying a batch did, in numbers."""

    messages: int = 0
    events: int = 0
    views: int = 0  # new ones; a repeated finish is not counted
    skipped: int = 0  # events about movies that do not exist
    invalid: int = 0
