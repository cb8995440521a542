"""Tests of tetraflix/web."""
