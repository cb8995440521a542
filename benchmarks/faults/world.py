"""What the faults happen to: servers behind proxies, consumers and a publisher."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from benchmarks.faults.programs import PUBLISHING
from benchmarks.faults.proxies import PostgresProxy, SqsProxy
from benchmarks.measure import ROOT, Context
from tests.servers.mongodb import MongoServer
from tetraflix.embedded.postgres import EmbeddedPostgres
from tetraflix.embedded.processes import Child
from tetraflix.embedded.sqs import DUMMY_CREDENTIALS, REGION, EmbeddedSqs

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

# Settings of every process, the simulator's included.
SETTINGS = {
    "QUEUE_VISIBILITY_SECONDS": "5",
    # each fault may cost a delivery, and a message that SQS itself dead-letters is lost
    "QUEUE_MAX_RECEIVES": "500",
    "INVENTORY_LOCK_TIMEOUT_MS": "30000",
    "LOG_FORMAT": "console",
}
START_SECONDS = 60  # the longest that a program takes to start
STOP_SECONDS = 20  # the longest that a consumer takes to stop
CONSUME = ["manage.py", "consume"]
COUNTS: "list[QueueAttributeNameType]" = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
]


class Stuck(Exception):
    """The service does not do what it must do by itself, so the run cannot be compared."""


class Program:
    """A child process that may be killed, stopped and started again."""

    def __init__(self, name: str, argv: list[str], ready: str, folder: Path, env: dict[str, str]) -> None:
        self.name, self.argv, self.ready, self.env = name, argv, ready, env
        self.log = folder / f"{name.replace(' ', '-')}.log"
        self.wanted = False
        self._child: Child | None = None
        self._seen = 0  # size of the log when it was started

    def start(self, *, wrapper: tuple[str, ...] = ()) -> None:
        """Starts it; `wrapper` stands before its own words."""
        self._seen = self.log.stat().st_size if self.log.exists() else 0
        self._child = Child(
            name=self.name,
            argv=[sys.executable, *wrapper, *self.argv],
            log=self.log,
            env=os.environ | self.env | {"PYTHONUNBUFFERED": "1"},
            cwd=ROOT,
        )
        self._child.start()
        self.wanted = True

    def wait_ready(self) -> None:
        """Returns once it runs. Raises Stuck when it ended, or takes too long."""
        assert self._child
        deadline = time.monotonic() + START_SECONDS
        while self.ready not in self._output():
            self.check()
            if time.monotonic() > deadline:
                raise Stuck(f"{self.name} has not started within {START_SECONDS} s.\n{self._child.tail()}")
            time.sleep(0.05)

    def kill(self) -> None:
        """Kills it with SIGKILL."""
        self.wanted = False
        if self._child:
            self._child.kill()

    def stop(self) -> None:
        """Sends SIGTERM and waits for its end. Raises Stuck when that takes too long."""
        self.wanted = False
        if self._child and self._child.running:
            self._child.ask_to_stop()
            if self._child.wait(seconds=STOP_SECONDS) == -signal.SIGKILL:
                raise Stuck(f"{self.name} has not stopped within {STOP_SECONDS} s.\n{self._child.tail()}")

    def check(self) -> None:
        """Raises Stuck if it ended by itself."""
        if self.wanted and self._child and not self._child.running:
            raise Stuck(f"{self.name} ended with code {self._child.returncode}.\n{self._child.tail()}")

    def _output(self) -> str:
        if not self.log.exists():
            return ""
        with self.log.open("rb") as file:
            file.seek(min(self._seen, self.log.stat().st_size))
            return file.read().decode(errors="replace")


class World:
    """Everything that runs. The simulator's own connections go to the servers; programs' to the proxies."""

    def __init__(
        self,
        context: Context,
        postgres_proxy: PostgresProxy,
        sqs_proxy: SqsProxy,
        mongodb: MongoServer | None,
        env: dict[str, str],
    ) -> None:
        self.postgres: EmbeddedPostgres = context.postgres
        self.sqs: EmbeddedSqs = context.sqs
        self.postgres_proxy, self.sqs_proxy, self.mongodb = postgres_proxy, sqs_proxy, mongodb
        self.consumer, self.second = (
            Program(name, CONSUME, "Consuming", context.folder, env)
            for name in ("consumer", "second consumer")
        )
        publish = ["-m", "benchmarks.faults.programs", "publish"]
        self.publisher = Program("publisher", publish, PUBLISHING, context.folder, env)
        self.programs = (self.consumer, self.second, self.publisher)
        self.direct = sqs_client(self.sqs.port)
        self._urls: dict[str, str] = {}

    def url(self, queue: str) -> str:
        if queue not in self._urls:
            self._urls[queue] = self.direct.get_queue_url(QueueName=queue)["QueueUrl"]
        return self._urls[queue]

    def depth(self, *queues: str) -> int | None:
        """Messages in the queues, visible or not; None while SQS or a queue is unavailable."""
        try:
            found = [
                self.direct.get_queue_attributes(QueueUrl=self.url(queue), AttributeNames=COUNTS)
                for queue in queues
            ]
        except (BotoCoreError, ClientError):
            return None
        return sum(int(number) for answer in found for number in answer["Attributes"].values())

    def check(self) -> None:
        """Raises Stuck if a program ended by itself."""
        for program in self.programs:
            program.check()

    def end(self) -> None:
        for program in self.programs:
            program.kill()


def sqs_client(port: int) -> "SQSClient":
    """A client that does not retry, and waits for long, because the proxy cuts what is lost."""
    return boto3.client(
        "sqs",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name=REGION,
        aws_access_key_id=DUMMY_CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=DUMMY_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        config=Config(
            connect_timeout=5, read_timeout=60, retries={"total_max_attempts": 1}, max_pool_connections=20
        ),
    )


@contextlib.contextmanager
def mongodb_server(folder: Path, *, wanted: bool) -> Iterator[MongoServer | None]:
    """A running MongoDB if it is wanted. Raises ChildError where there is none."""
    if not wanted:
        yield None
        return
    server = MongoServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@contextlib.contextmanager
def running_world(context: Context, mongodb: MongoServer | None) -> Iterator[World]:
    """The world with its consumer and publisher started; everything is ended afterwards."""
    with PostgresProxy(context.postgres.port) as postgres_proxy, SqsProxy(context.sqs.port) as sqs_proxy:
        env = {
            **context.environment(),
            "DATABASE_URL": context.postgres.url.replace(
                f":{context.postgres.port}/", f":{postgres_proxy.port}/"
            ),
            "AWS_ENDPOINT_URL_SQS": f"http://127.0.0.1:{sqs_proxy.port}",
        }
        world = World(context, postgres_proxy, sqs_proxy, mongodb, env)
        try:
            world.consumer.start()
            world.publisher.start()
            yield world
        finally:
            world.end()
