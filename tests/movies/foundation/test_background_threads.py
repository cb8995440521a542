"""A circuit breaker opens when its server fails, and closes when a background probe succeeds."""

import threading

from movies.foundation.background_threads import CircuitBreaker
from tests.waiting import wait_until


class Server:
    """A server that answers or is unavailable."""

    def __init__(self) -> None:
        self.unavailable = True
        self.probed = threading.Semaphore(0)

    def probe(self) -> None:
        self.probed.release()
        if self.unavailable:
            raise ConnectionError


def test_it_is_closed_at_first():
    assert not CircuitBreaker("server", Server().probe).open


def test_it_stays_open_while_the_server_is_unavailable_and_closes_afterwards():
    server = Server()
    breaker = CircuitBreaker("server", server.probe, every=0.01)
    breaker.trip("no answer")
    for _ in range(3):
        assert server.probed.acquire(timeout=5)
        assert breaker.open
    server.unavailable = False
    wait_until(lambda: not breaker.open)


def test_it_opens_again():
    server = Server()
    server.unavailable = False
    breaker = CircuitBreaker("server", server.probe, every=0.01)
    for _ in range(2):
        breaker.trip("no answer")
        wait_until(lambda: not breaker.open)
    assert server.probed.acquire(timeout=5)
    assert server.probed.acquire(timeout=5)


def test_a_hundred_failures_start_one_probe():
    server = Server()
    breaker = CircuitBreaker("hundred", server.probe, every=0.01)
    for _ in range(100):
        breaker.trip("no answer")
    assert [thread.name for thread in threading.enumerate()].count("hundred-probe") == 1
    breaker.stop()
    wait_until(lambda: "hundred-probe" not in [thread.name for thread in threading.enumerate()])
