"""Embedded servers for a machine without any, and the stack that `make run` and `make demo` run."""
