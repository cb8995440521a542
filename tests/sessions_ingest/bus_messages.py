"""Sends messages to a queue, and reads what is in its dead-letter queue."""

from movies.outbox import bus


def send(queue: bus.Queue, body: str) -> None:
    bus.shared_client().send_message(QueueUrl=queue.url, MessageBody=body)


def dead_letters(queue: bus.Queue) -> list[tuple[str, dict[str, str]]]:
    """Body and attributes of each message in the dead-letter queue; hidden for the visibility timeout afterwards."""
    found = []
    while (
        messages := bus.shared_client()
        .receive_message(QueueUrl=queue.dead_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        .get("Messages")
    ):
        for message in messages:
            attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
            found.append((message["Body"], attributes))
    return found
