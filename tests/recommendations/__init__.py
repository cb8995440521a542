"""Tests of a user's lists."""
