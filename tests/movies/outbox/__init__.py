"""Tests of movies/outbox."""
