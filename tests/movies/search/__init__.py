"""Tests of movies/search."""
