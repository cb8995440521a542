"""Sends the sister services' messages to both queues, some of them delayed, repeated or out of order."""

import heapq
import itertools
import json
import random
import threading
import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from movies.outbox import bus
from sessions_ingest.simulation.measurements import Measurements

DELAYED_SHARE = 0.03  # of session messages, so that later ones overtake them
MAX_DELAY_SECONDS = 4.0
RESENT_SHARE = 0.03  # of session messages are sent again later
GROUPS = 2  # of the sister services: 0 is control, with fixed preferences
SEND_INTERVAL_SECONDS = 0.05  # messages of one interval are sent in batches


class Sender:
    """Sends in its own thread; `finish` sends what is left."""

    def __init__(self, session_queue: str, recs_queue: str, measurements: Measurements, seed: int) -> None:
        self.queues = {"session": session_queue, "recommendations": recs_queue}
        self.measurements = measurements
        self.random = random.Random(seed)
        self._due: list[tuple[float, int, str, str]] = []
        self._lock = threading.Lock()
        self._number = itertools.count()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="send", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def session(self, user_id: int, events: list[dict[str, Any]]) -> float:
        """Queues a session-data message in the form of Events. Returns when it will be sent (time.monotonic).

        It names the sister services' group of the user, which is no arm of ours: they assign by the user's id alone.
        """
        body = json.dumps({"userId": user_id, "groupId": user_id % GROUPS, "events": events})
        now = time.monotonic()
        with self._lock:
            late = self.random.uniform(0.5, MAX_DELAY_SECONDS) if self.random.random() < DELAYED_SHARE else 0
            self._push(now + late, "session", body)
            if self.random.random() < RESENT_SHARE:
                self._push(now + self.random.uniform(0, MAX_DELAY_SECONDS), "session", body)
        return now + late

    def recommendations(self, user_id: int, movie_ids: list[int]) -> None:
        """Queues a recommendations message in the form of Recommendations: the user id is a string."""
        with self._lock:
            self._push(
                time.monotonic(), "recommendations", json.dumps({"userId": str(user_id), "rec": movie_ids})
            )

    def finish(self, seconds: float) -> int:
        """Sends all messages, delayed ones too; returns how many could not be sent in time."""
        self._stop.set()
        self._thread.join(seconds)
        return len(self._due)

    def _push(self, due: float, kind: str, body: str) -> None:
        heapq.heappush(self._due, (due, next(self._number), kind, body))

    def _run(self) -> None:
        while not self._stop.wait(SEND_INTERVAL_SECONDS):
            self._send_due(time.monotonic())
        while self._due and self._send_due(float("inf")):
            pass

    def _send_due(self, now: float) -> bool:
        """Sends what is due and keeps what a queue refuses for the next turn. Returns whether all was sent."""
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
            self.measurements.errors[f"{kind} message"] += 1
            return messages
        failed = [messages[int(entry["Id"])] for entry in answer.get("Failed", [])]
        self.measurements.record_sent(kind, len(messages) - len(failed))
        return failed
