"""A consumer beside a replay, as the tests of replays have it."""

from tests.sessions_ingest.replay.conftest import consuming

__all__ = ["consuming"]
