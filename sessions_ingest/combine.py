"""Group commit: portions that threads bring at the same time are applied together."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

P = TypeVar("P")


class _Ticket(Generic[P]):
    def __init__(self, portion: P) -> None:
        self.portion = portion
        self.done = False
        self.error: Exception | None = None


class Combiner(Generic[P]):
    """Calls `apply` with everything that waits, one call at a time.

    A commit costs about the same for ten messages as for a hundred, and two at once wait for the same rows.
    """

    def __init__(self, apply: Callable[[list[P]], object]) -> None:
        self._apply = apply
        self._waiting: list[_Ticket[P]] = []
        self._door = threading.Lock()  # of the list of those who wait
        self._turn = threading.Lock()

    def __call__(self, portion: P) -> None:
        """The portion is applied; or nothing of it is, and what `apply` raised with it is raised here."""
        ticket = _Ticket(portion)
        with self._door:
            self._waiting.append(ticket)
        with self._turn:
            if not ticket.done:
                with self._door:
                    together, self._waiting = self._waiting, []
                self._work(together)
        if ticket.error:
            raise ticket.error

    def _work(self, together: list[_Ticket[P]]) -> None:
        error: Exception | None = None
        try:
            self._apply([ticket.portion for ticket in together])
        except Exception as raised:  # raised again by each thread whose portion it was
            error = raised
        for ticket in together:
            ticket.error = error
            ticket.done = True
