"""Tests of tetraflix/observability."""
