"""A load generator over raw sockets: `python -m benchmarks.load` sends requests and prints its results as JSON.

It runs as a process of its own, needs only the standard library, and sends the next request of a connection
when the last response is complete.
"""

import argparse
import json
import random
import selectors
import socket
import sys
import time
from dataclasses import dataclass, field

WARM_UP_SECONDS = 0.3


@dataclass(slots=True)
class Client:
    """One keep-alive connection, and the part of its response received so far."""

    socket: socket.socket
    began: float = 0.0
    received: bytearray = field(default_factory=bytearray)
    expected: int = 0  # length of the whole response, once its head has arrived

    def ask(self, request: bytes) -> None:
        self.began = time.perf_counter()
        self.socket.send(request)  # a few hundred bytes on an idle connection: sent in one piece

    def answered(self) -> bool:
        """Whether the response is complete. Raises ConnectionError for a closed connection or any status but 200."""
        part = self.socket.recv(1 << 18)
        if not part:
            raise ConnectionError("the server closed a connection")
        self.received += part
        if not self.expected:
            head = self.received.find(b"\r\n\r\n")
            if head < 0:
                return False
            if not self.received.startswith(b"HTTP/1.1 200"):
                raise ConnectionError(bytes(self.received[:300]).decode(errors="replace"))
            lengths = self.received[:head].lower().partition(b"content-length:")[2]
            self.expected = head + 4 + int(lengths.split(b"\r\n", 1)[0])
        if len(self.received) < self.expected:
            return False
        self.received.clear()
        self.expected = 0
        return True


def run(
    *, port: int, path: str, numbers: int, connections: int, seconds: float, seed: int = 1
) -> dict[str, float]:
    """Requests, seconds, and latencies in milliseconds. `{}` in the path becomes a random 1..numbers."""
    draw = random.Random(seed)
    head, _, tail = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".partition("{}")
    plain = head.encode()

    def request() -> bytes:
        return f"{head}{draw.randint(1, numbers)}{tail}".encode() if tail else plain

    selector = selectors.DefaultSelector()
    latencies: list[float] = []
    for _ in range(connections):
        client = Client(socket.create_connection(("127.0.0.1", port), timeout=10))
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(client.socket, selectors.EVENT_READ, client)
        client.ask(request())
    began = time.perf_counter()
    counted_from = began + WARM_UP_SECONDS
    end = counted_from + seconds
    while (now := time.perf_counter()) < end:
        for key, _ in selector.select(timeout=1):
            client = key.data
            if client.answered():
                now = time.perf_counter()
                if now >= counted_from:
                    latencies.append(now - client.began)
                client.ask(request())
    for key in list(selector.get_map().values()):
        key.fileobj.close()  # type: ignore[union-attr]
    latencies.sort()
    return {
        "requests": len(latencies),
        "seconds": seconds,
        **{f"p{part}": 1000 * latencies[len(latencies) * part // 100] for part in (50, 95, 99) if latencies},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", required=True, help="{} becomes a random number")
    parser.add_argument("--numbers", type=int, default=1, help="the largest random number")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=1)
    sys.stdout.write(json.dumps(run(**vars(parser.parse_args()))))


if __name__ == "__main__":
    main()
