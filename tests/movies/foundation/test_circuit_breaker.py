"""A circuit breaker: nobody waits for a server that is away, and its return is noticed without them."""

import threading

from movies.foundation.circuit_breaker import CircuitBreaker
from tests.waiting import wait_until


class Server:
    """Answers, or does not."""

    def __init__(self) -> None:
        self.away = True
        self.asked = threading.Semaphore(0)

    def probe(self) -> None:
        self.asked.release()
        if self.away:
            raise ConnectionError


def test_it_is_closed_at_first():
    assert not CircuitBreaker("server", Server().probe).open


def test_it_stays_open_while_the_server_is_away_and_closes_when_it_is_back():
    server = Server()
    breaker = CircuitBreaker("server", server.probe, every=0.01)
    breaker.trip("no answer")
    for _ in range(3):
        assert server.asked.acquire(timeout=5)
        assert breaker.open
    server.away = False
    wait_until(lambda: not breaker.open)


def test_it_opens_again():
    server = Server()
    server.away = False
    breaker = CircuitBreaker("server", server.probe, every=0.01)
    for _ in range(2):
        breaker.trip("no answer")
        wait_until(lambda: not breaker.open)
    assert server.asked.acquire(timeout=5)
    assert server.asked.acquire(timeout=5)


def test_a_hundred_failures_start_one_probe():
    server = Server()
    breaker = CircuitBreaker("hundred", server.probe, every=0.01)
    for _ in range(100):
        breaker.trip("no answer")
    assert [thread.name for thread in threading.enumerate()].count("hundred-probe") == 1
    breaker.stop()
    wait_until(lambda: "hundred-probe" not in [thread.name for thread in threading.enumerate()])
