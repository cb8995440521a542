"""Tests of sessions_ingest/consumer."""
