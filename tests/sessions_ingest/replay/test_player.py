"""The player sends finishes in order, not faster than the queue takes them, and goes on where it stopped."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from movies.outbox import bus
from sessions_ingest.replay import player as player_module
from sessions_ingest.replay.movielens import Finishes, in_order
from sessions_ingest.replay.player import MAX_EVENTS, Player, Stalled, messages
from sessions_ingest.replay.position import Position, position_of
from tests.servers.queues import Queues, new_queues


def finishes_of(*rows: tuple[int, int, int]) -> Finishes:
    """From (user, movie, time)."""
    user_ids, movie_ids, times = zip(*rows, strict=True)
    return in_order(user_ids, movie_ids, times)


def received(queue: bus.Queue) -> list[dict[str, Any]]:
    """The messages in the queue."""
    found = []
    while (
        batch := bus.shared_client()
        .receive_message(QueueUrl=queue.url, MaxNumberOfMessages=10, WaitTimeSeconds=0)
        .get("Messages")
    ):
        found += [json.loads(message["Body"]) for message in batch]
    return found


def test_finishes_of_a_user_share_messages_in_the_form_of_events() -> None:
    finishes = finishes_of((2, 9, 874724400), (1, 5, 874724401), (2, 3, 874724402))
    assert [json.loads(body) for body in messages(finishes)] == [
        {
            "userId": 2,
            "events": [
                {"movie": {"id": 9}, "progress": 1, "timestamp": "1997-09-20T03:00:00Z"},
                {"movie": {"id": 3}, "progress": 1, "timestamp": "1997-09-20T03:00:02Z"},
            ],
        },
        {"userId": 1, "events": [{"movie": {"id": 5}, "progress": 1, "timestamp": "1997-09-20T03:00:01Z"}]},
    ]


def test_a_message_has_a_bounded_number_of_events() -> None:
    finishes = finishes_of(*((1, movie, movie) for movie in range(1, 2 * MAX_EVENTS + 2)))
    assert [len(json.loads(body)["events"]) for body in messages(finishes)] == [MAX_EVENTS, MAX_EVENTS, 1]


def test_a_player_that_was_stopped_goes_on_where_it_stopped(
    queues: Queues, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(player_module, "WINDOW", 3)
    finishes = finishes_of(*((user, 1, user) for user in range(1, 11)))
    stopped, position = threading.Event(), position_of(tmp_path, finishes)

    def stop_after_6(sent: int) -> None:
        if sent == 6:
            stopped.set()

    player = Player(queues.session.name, finishes, position, stopped, progress=stop_after_6)
    assert player.play() == 6
    assert sorted(message["userId"] for message in received(queues.session)) == [1, 2, 3, 4, 5, 6]
    assert position_of(tmp_path, finishes).read() == 6
    assert position_of(tmp_path, finishes[:-1]).read() == 0  # other finishes have a position of their own
    assert Player(queues.session.name, finishes, position, threading.Event()).play() == 10
    assert sorted(message["userId"] for message in received(queues.session)) == [7, 8, 9, 10]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"sent": "x"}', '{"sent": null}', '{"sent": 99}'])
def test_a_position_that_cannot_be_true_loses_nothing(content: str, tmp_path: Path) -> None:
    position = Position(tmp_path / "position.json")
    position.path.write_text(content)
    stopped = threading.Event()
    stopped.set()
    finishes = finishes_of((1, 1, 1), (2, 1, 2))
    assert Player("none", finishes, position, stopped).play() == (2 if "99" in content else 0)
    position.clear()
    position.clear()
    assert position.read() == 0


def test_the_player_waits_while_the_queue_is_deep(
    queues: Queues, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A consumer takes a message at each look at the queue."""
    monkeypatch.setattr(player_module, "WINDOW", 5)
    monkeypatch.setattr(player_module, "MAX_DEPTH", 5)
    monkeypatch.setattr(player_module, "WAIT_SECONDS", 0)
    depth, deepest = bus.depth, []

    def depth_beside_a_consumer(url: str) -> int:
        found = bus.shared_client().receive_message(QueueUrl=url, WaitTimeSeconds=0)
        for message in found.get("Messages", []):
            bus.shared_client().delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        deepest.append(depth(url))
        return deepest[-1]

    monkeypatch.setattr(bus, "depth", depth_beside_a_consumer)
    finishes = finishes_of(*((user, 1, user) for user in range(1, 41)))
    assert Player(queues.session.name, finishes, Position(tmp_path / "p"), threading.Event()).play() == 40
    assert len(deepest) > 20
    assert max(deepest) < 10


def test_a_queue_that_nobody_consumes_ends_the_play_with_a_sentence(
    queues: Queues, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(player_module, "MAX_DEPTH", 1)
    monkeypatch.setattr(player_module, "STALLED_SECONDS", 0.0)
    position = Position(tmp_path / "p")
    finishes = finishes_of((1, 1, 1), (2, 1, 1))
    with pytest.raises(Stalled, match="has 2 messages, and none was consumed for 0 s: does the worker run"):
        Player(queues.session.name, finishes, position, threading.Event()).play()
    assert position.read() == 2


class TestClock(threading.Event):
    """A clock that moves by half a second when the player waits, and stands still otherwise."""

    __test__ = False

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def wait(self, timeout: float | None = None) -> bool:
        self.now += 0.5
        return False


def test_with_a_speed_finishes_are_sent_when_they_are_due(
    queues: Queues, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 3,600 a second, finishes that are an hour apart are sent a second apart."""
    clock = TestClock()
    monkeypatch.setattr(player_module, "time", clock)
    finishes = finishes_of(*((user, 1, 3600 * user) for user in range(1, 5)))
    sent: list[tuple[float, int]] = []
    player = Player(
        queues.session.name,
        finishes,
        Position(tmp_path / "p"),
        clock,
        speed=3600,
        progress=lambda number: sent.append((clock.now, number)),
    )
    assert player.play() == 4
    assert sent == [(0, 0), (0, 1), (1, 2), (2, 3), (3, 4)]


def test_a_fifo_queue_keeps_the_messages_of_a_user_in_order(
    bus_server: None, settings: Settings, tmp_path: Path
) -> None:
    with new_queues(settings, suffix=".fifo") as queues:
        finishes = finishes_of(*((1 + movie % 2, movie, movie) for movie in range(1, 7)))
        assert Player(queues.session.name, finishes, Position(tmp_path / "p"), threading.Event()).play() == 6
        assert {message["userId"] for message in received(queues.session)} == {1, 2}
