"""The whole service behind a pooler that uses another database session for each transaction."""

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from movies.bulk.file_format import heading, lines_of
from tests.movies.factories import profile
from tests.servers.running_stack import RunningStack
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(600)
MOVIES, ROUNDS = 20, 5


@pytest.fixture
def stack(pooled_postgres: str, open_folder: Path) -> Iterator[RunningStack]:
    stack = RunningStack(open_folder)
    stack.env |= {"DATABASE_URL": pooled_postgres}
    try:
        stack.start(seconds=120)
        yield stack
    finally:
        stack.end()


def call(stack: RunningStack, method: str, path: str, body: Any = None, key: str = "") -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=30)
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    connection.request(method, path, json.dumps(body) if body is not None else None, headers)
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status < 300, f"{method} {path}: {answer.status} {text[:300]!r}"
    return json.loads(text)


def done(stack: RunningStack, *words: str) -> str:
    ran = stack.manage(*words)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout.strip()


def received(stack: RunningStack) -> list[dict[str, Any]]:
    """Receives and deletes the messages on movieChanges, in order."""
    sqs = boto3.client(
        "sqs", endpoint_url=stack.stack()["sqs"], region_name=stack.stack()["region"],
        aws_access_key_id="x", aws_secret_access_key="x",
    )  # fmt: skip
    url = sqs.get_queue_url(QueueName="movieChanges")["QueueUrl"]
    messages = []
    while batch := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in batch:
            messages.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return messages


def test_no_part_of_the_service_needs_a_database_session_of_its_own(
    stack: RunningStack, tmp_path: Path
) -> None:
    """F4: 5 rounds of 20 PATCHes make 100 messages on movieChanges; jobs, ingestion and reads work as well."""
    file = tmp_path / "movies.csv"
    movies = [(number, f"Movie {number}", False, profile(action=100)) for number in range(1, MOVIES + 1)]
    file.write_bytes(heading("csv") + lines_of(movies, "csv"))
    assert "20 new" in done(stack, "import_movies", str(file))
    distributor = done(stack, "create_api_key", "--role", "distributor", "studio")
    service = done(stack, "create_api_key", "--role", "service", "events")
    messages: list[dict[str, Any]] = []

    for round_ in range(1, ROUNDS + 1):
        for number in range(1, MOVIES + 1):
            title = {"title": f"Movie {number} round {round_}"}
            call(stack, "PATCH", f"/tetraflix/movies/{number}", title, distributor)
            shown = call(stack, "GET", f"/tetraflix/movies/{number}")
            assert shown["title"] == f"Movie {number} round {round_}"
        session = {"userId": 7, "events": [{"movie": {"id": round_}, "progress": 1}]}
        call(stack, "POST", "/tetraflix/sessionData", session, service)
        call(stack, "GET", "/tetraflix/recommendations/7")
        call(stack, "GET", "/tetraflix/genre/action")

    def all_came() -> bool:
        messages.extend(received(stack))
        return len({(message["movieId"], message["version"]) for message in messages}) == MOVIES * (
            ROUNDS + 1
        )

    wait_until(all_came, seconds=60)
    for number in range(1, MOVIES + 1):
        versions = [message["version"] for message in messages if message["movieId"] == number]
        assert list(dict.fromkeys(versions)) == list(range(1, ROUNDS + 2))

    exported = tmp_path / "exported.csv"
    assert "20 movies" in done(stack, "export_movies", str(exported))
    assert f"Movie 7 round {ROUNDS}" in exported.read_text()
    assert "20 unchanged" in done(stack, "import_movies", str(exported))
    done(stack, "refresh_popularity")
    done(stack, "announce_inventory")
    wait_until(lambda: len(received(stack)) > 0, seconds=30)
    assert call(stack, "GET", "/readyz")["ready"] is True
    assert json.loads(done(stack, "status", "--json"))["views"] == ROUNDS
