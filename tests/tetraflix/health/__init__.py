"""Tests of tetraflix/health."""
