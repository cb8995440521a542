"""A full disk under a stack: nothing ends, what cannot be kept is refused, and what was accepted is not lost."""

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import psutil
import psycopg2
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.servers.running_stack import RunningStack
from tests.waiting import wait_until
from tetraflix.embedded.sqs import REGION

pytestmark = pytest.mark.timeout(1200)  # a busy machine is no reason to fail


@pytest.fixture
def small_stack(open_folder: Path) -> Iterator[RunningStack]:
    """A stack, not started yet, whose var/ is a disk of 260 MB."""
    var = open_folder / "var"
    var.mkdir()
    options = ["-t", "tmpfs", "-o", "size=260m,mode=755", "tmpfs", str(var)]
    mounted = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    stack = RunningStack(open_folder)
    try:
        yield stack
    finally:
        stack.end()
        wait_until(lambda: stack.left() == [], seconds=90)
        subprocess.run(["umount", str(var)], check=True)


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Keeps the disk full: whatever becomes free is taken at once."""
    freed = threading.Event()

    def fill(file: int) -> None:
        while not freed.wait(0.02):
            for size in (65536, 512):
                try:
                    while os.write(file, bytes(size)):
                        pass
                except OSError:
                    continue

    file = os.open(disk / "filler", os.O_CREAT | os.O_WRONLY)
    filler = threading.Thread(target=fill, args=(file,))
    filler.start()
    try:
        yield
    finally:
        freed.set()
        filler.join()
        os.close(file)
        (disk / "filler").unlink()


class Sender:
    """Sends finished movies, each of another user, and counts those that SQS accepted."""

    def __init__(self, stack: RunningStack) -> None:
        self.client: Any = boto3.client(
            "sqs",
            endpoint_url=stack.stack()["sqs"],
            region_name=REGION,
            aws_access_key_id="embedded",
            aws_secret_access_key="embedded",
        )
        self.url = self.client.get_queue_url(QueueName="sessionData")["QueueUrl"]
        self.users = count(1)
        self.accepted = 0

    def send(self) -> str:
        """The code of the error with which it was refused, or ""."""
        event = {"movie": {"id": 1}, "progress": 1}
        body = json.dumps({"userId": next(self.users), "events": [event]})
        try:
            self.client.send_message(QueueUrl=self.url, MessageBody=body)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        self.accepted += 1
        return ""

    def waiting(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        try:
            found = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)
        except BotoCoreError:
            return -1
        return sum(int(found["Attributes"][name]) for name in names)


def views(stack: RunningStack) -> int:
    try:
        with (
            closing(psycopg2.connect(stack.stack()["database"])) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("select coalesce(sum(views), 0) from movies_viewcount")
            return int(cursor.fetchall()[0][0])
    except psycopg2.OperationalError:
        return -1


def programs(stack: RunningStack) -> set[int]:
    """The processes of the stack without those of its two servers."""
    children = psutil.Process(stack.stack()["pid"]).children(recursive=True)
    return {process.pid for process in children if not is_server(process)}


def is_server(process: psutil.Process) -> bool:
    """A process that has just ended was a server's, too: PostgreSQL has one for each connection."""
    try:
        return process.name() == "postgres" or "sqs_server" in " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return True


def fill_write_ahead_log(stack: RunningStack) -> None:
    """Makes PostgreSQL write more log than it has room for, which is a PANIC."""
    with closing(psycopg2.connect(stack.stack()["database"])) as connection, connection.cursor() as cursor:
        for _ in range(400):
            cursor.execute("select pg_logical_emit_message(false, 'test', repeat('x', 1000000))")


def kill_sqs(stack: RunningStack) -> None:
    (server,) = (
        process
        for process in psutil.Process(stack.stack()["pid"]).children()
        if "sqs_server" in " ".join(process.cmdline())
    )
    server.kill()


def test_a_full_disk_ends_nothing_and_loses_nothing_that_was_accepted(small_stack: RunningStack) -> None:
    stack = small_stack
    stack.start()
    with (
        closing(psycopg2.connect(stack.stack()["database"])) as connection,
        connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("insert into movies_movie (title, profile) values ('Seen', %s)", [[100, *[0] * 14]])
    sender, before = Sender(stack), programs(stack)
    for _ in range(100):
        assert sender.send() == ""
    line = f"The disk of {stack.var} is full"
    with full(stack.var):
        wait_until(lambda: sender.send() == "ServiceUnavailable", seconds=120)
        wait_until(lambda: line in stack.printed(), seconds=60)
        assert stack.get("/tetraflix/genre/comedy")[0] == 200
        with pytest.raises(psycopg2.OperationalError):
            fill_write_ahead_log(stack)
        wait_until(lambda: "PostgreSQL ended with code 1" in stack.printed(), seconds=60)
        kill_sqs(stack)
        wait_until(lambda: "SQS was killed (SIGKILL)" in stack.printed(), seconds=60)
        status = stack.manage("status")
        assert status.returncode == 1
        assert line in status.stderr
    wait_until(lambda: stack.printed().count(" runs again") == 2, seconds=120)
    assert sender.send() == ""
    wait_until(lambda: sender.waiting() == 0 and views(stack) == sender.accepted, seconds=300)
    assert programs(stack) == before
    assert stack.printed().count(line) == 1
    wait_until(lambda: stack.manage("status").returncode == 0, seconds=240)
