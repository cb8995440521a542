"""Regression tests of search: inputs that once failed."""
