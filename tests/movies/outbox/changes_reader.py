"""A reader of the change feed as in the contract: it keeps the highest version of each movie."""

import json
import random
from typing import Any

from movies.models import Movie
from movies.outbox import bus
from movies.profiles import from_wire


def take(url: str) -> list[dict[str, Any]]:
    """Receives and deletes every message of the queue; returns them in order, each with its `changeId`."""
    sqs, messages = bus.shared_client(), []
    while received := sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0, MessageAttributeNames=["changeId"]
    ).get("Messages"):
        for message in received:
            change_id = message["MessageAttributes"]["changeId"]["StringValue"]
            messages.append(json.loads(message["Body"]) | {"changeId": change_id})
        sqs.delete_message_batch(
            QueueUrl=url,
            Entries=[{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(received)],
        )
    return messages


def disturbed(messages: list[dict[str, Any]], chance: random.Random) -> list[dict[str, Any]]:
    """The same messages shuffled, a third of them twice."""
    repeated = messages + chance.sample(messages, len(messages) // 3)
    chance.shuffle(repeated)
    return repeated


def read(messages: list[dict[str, Any]]) -> dict[int, tuple[int, str, tuple[int, ...]]]:
    """The inventory of a reader that started empty: {movie: (version, title, profile)}."""
    newest: dict[int, dict[str, Any]] = {}
    for message in messages:
        if message["version"] > newest.get(message["movieId"], {"version": 0})["version"]:
            newest[message["movieId"]] = message
    return {
        movie_id: (message["version"], message["changes"]["title"], from_wire(message["changes"]["profile"]))
        for movie_id, message in newest.items()
        if message["action"] != "deleted"
    }


def inventory() -> dict[int, tuple[int, str, tuple[int, ...]]]:
    """The inventory that the reader should have: every visible movie."""
    return {
        movie.id: (movie.version, movie.title, tuple(movie.profile))
        for movie in Movie.objects.filter(hidden=False)
    }
