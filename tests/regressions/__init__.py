"""Inputs that failed in use, as real senders, distributors and staff give them. Each docstring names its case."""
