"""Tests of every promise, on real servers."""
