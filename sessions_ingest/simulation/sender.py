"""The sister services' side of the bus: messages to both queues, some late, twice and out of order."""

import heapq
import itertools
import json
import random
import threading
import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from movies.outbox import bus
from sessions_ingest.simulation.measurements import Figures

LATE = 0.03  # of the session messages are this much delayed, and so overtaken by others
LATEST_SECONDS = 4.0
TWICE = 0.03  # are sent again later
EVERY_SECONDS = 0.05  # what came together in this time travels together


class Sender:
    """Sends in a thread of its own; `finish` sends what is left."""

    def __init__(self, session_queue: str, recs_queue: str, figures: Figures, seed: int) -> None:
        self.queues = {"session": session_queue, "recommendations": recs_queue}
        self.figures = figures
        self.random = random.Random(seed)
        self._due: list[tuple[float, int, str, str]] = []
        self._lock = threading.Lock()
        self._number = itertools.count()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="send", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def session(self, user_id: int, events: list[dict[str, Any]]) -> None:
        """As Events sends it."""
        body = json.dumps({"userId": user_id, "events": events})
        now = time.monotonic()
        with self._lock:
            late = self.random.uniform(0.5, LATEST_SECONDS) if self.random.random() < LATE else 0
            self._push(now + late, "session", body)
            if self.random.random() < TWICE:
                self._push(now + self.random.uniform(0, LATEST_SECONDS), "session", body)

    def recommendations(self, user_id: int, movie_ids: list[int]) -> None:
        """As Recommendations sends it: the id as a string."""
        with self._lock:
            self._push(
                time.monotonic(), "recommendations", json.dumps({"userId": str(user_id), "rec": movie_ids})
            )

    def finish(self, seconds: float) -> int:
        """Sends everything, late ones too; returns how many could not be sent in time."""
        self._stop.set()
        self._thread.join(seconds)
        return len(self._due)

    def _push(self, due: float, kind: str, body: str) -> None:
        heapq.heappush(self._due, (due, next(self._number), kind, body))

    def _run(self) -> None:
        while not self._stop.wait(EVERY_SECONDS):
            self._send_due(time.monotonic())
        while self._due and self._send_due(float("inf")):
            pass

    def _send_due(self, now: float) -> bool:
        """What is due is sent, or kept for the next turn if the queue does not take it: then False."""
        with self._lock:
            messages = []
            while self._due and self._due[0][0] <= now:
                messages.append(heapq.heappop(self._due))
        left = []
        for kind, name in self.queues.items():
            mine = [message for message in messages if message[2] == kind]
            for start in range(0, len(mine), bus.MAX_BATCH_SIZE):
                left += self._send(kind, name, mine[start : start + bus.MAX_BATCH_SIZE])
        with self._lock:
            for message in left:
                heapq.heappush(self._due, message)
        return not left

    def _send(
        self, kind: str, queue: str, messages: list[tuple[float, int, str, str]]
    ) -> list[tuple[float, int, str, str]]:
        fifo = queue.endswith(".fifo")
        entries: list[Any] = [
            {"Id": str(place), "MessageBody": body}
            | (
                {"MessageGroupId": str(json.loads(body)["userId"]), "MessageDeduplicationId": str(number)}
                if fifo
                else {}
            )
            for place, (_, number, _, body) in enumerate(messages)
        ]
        try:
            answer = bus.shared_client().send_message_batch(QueueUrl=bus.queue(queue).url, Entries=entries)
        except (BotoCoreError, ClientError):
            self.figures.errors[f"{kind} message"] += 1
            return messages
        failed = [messages[int(entry["Id"])] for entry in answer.get("Failed", [])]
        self.figures.went_out(kind, len(messages) - len(failed))
        return failed
