"""Tests of tetraflix/analytics."""
