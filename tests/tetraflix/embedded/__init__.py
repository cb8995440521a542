"""Tests of tetraflix/embedded."""
