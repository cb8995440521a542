"""Tests of movies/inventory."""
