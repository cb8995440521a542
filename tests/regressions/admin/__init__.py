"""Regression tests of the admin: inputs that once failed."""
