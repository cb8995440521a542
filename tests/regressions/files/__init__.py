"""Regression tests of files: inputs that once failed."""
