"""Regression tests of bulk jobs: inputs that once failed."""
