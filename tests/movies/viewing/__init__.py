"""Tests of movies/viewing."""
