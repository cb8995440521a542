"""Tests of tetraflix/background."""
