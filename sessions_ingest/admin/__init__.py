"""Ingest in the Django admin: the last messages with what became of them, and what to do about dead letters."""

from sessions_ingest.admin.dead_letters import DeadLetterAdmin
from sessions_ingest.admin.messages import MessagesAdmin

__all__ = ["DeadLetterAdmin", "MessagesAdmin"]
