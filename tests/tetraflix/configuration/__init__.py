"""Tests of tetraflix/configuration."""
