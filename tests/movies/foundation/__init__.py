"""Tests of movies/foundation."""
