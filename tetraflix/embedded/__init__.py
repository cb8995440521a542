"""Servers of our own for a machine that has none, and the stack that `make run` and `make demo` hold up."""
