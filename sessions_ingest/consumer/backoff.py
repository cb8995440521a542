"""Waits between tries: they grow, with jitter."""

import random


class Backoff:
    """Exponentially growing waits with jitter, so that clients of a failed server do not return all at once."""

    def __init__(self, first: float = 0.1, longest: float = 5.0) -> None:
        self.first, self.longest, self.tries = first, longest, 0

    def next(self) -> float:
        """Seconds to wait before the next try."""
        seconds = min(self.longest, self.first * 2**self.tries)
        self.tries = min(self.tries + 1, 16)
        return seconds * random.uniform(0.5, 1)

    def reset(self) -> None:
        """Starts again with the first wait."""
        self.tries = 0
