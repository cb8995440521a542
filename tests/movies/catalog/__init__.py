"""Tests of movies/catalog."""
