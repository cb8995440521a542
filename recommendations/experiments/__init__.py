"""Experiments: who is in which arm, which lists were read, what was finished because of them, and the answer."""
