"""`make run`: one command starts everything, and nothing is left running after any kind of end."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import closing
from functools import partial
from pathlib import Path

import psutil
import psycopg2
import pytest

from tests.servers.running_stack import MANAGE, RunningStack
from tests.waiting import wait_until
from tetraflix.configuration import stack_addresses

pytestmark = pytest.mark.timeout(900)  # a busy machine is no reason to fail


def test_it_serves_until_it_is_stopped_and_only_its_data_is_left(stack: RunningStack) -> None:
    stack.start()
    assert stack.get("/tetraflix/genre/comedy") == (200, {"genre": []})
    with psycopg2.connect(stack.stack()["database"]) as connection, connection.cursor() as cursor:
        cursor.execute("insert into movies_movie (title, profile) values ('Kept', %s)", [[100, *[0] * 14]])
    os.killpg(stack.process.pid if stack.process else 0, signal.SIGINT)  # as a terminal does
    assert stack.ended() == 0
    assert stack.left() == []
    assert stack_addresses.read(stack.var) is None
    assert stack.printed().endswith("✓ everything is stopped\n")

    stack.start()
    status, movie = stack.get("/tetraflix/movies/1")
    assert (status, movie["title"]) == (200, "Kept")
    another_terminal_finds_its_servers_and_cannot_start_it_twice(stack)
    pid = stack.stack()["pid"]
    assert stack.manage("stop").stdout == f"Stopped (pid {pid}).\n"
    assert stack.ended() == 0
    assert stack.left() == []


def another_terminal_finds_its_servers_and_cannot_start_it_twice(stack: RunningStack) -> None:
    assert stack.manage("migrate", "--check").returncode == 0
    status = stack.manage("status", "--json")
    assert (status.returncode, status.stderr) == (0, "")
    assert '"movies": 1' in status.stdout
    pid = stack.stack()["pid"]
    again = stack.manage("run")
    assert again.returncode == 1
    assert again.stderr == (
        f"CommandError: It is already running (pid {pid}, http://127.0.0.1:{stack.port}): Ctrl-C there, or"
        f" `kill {pid}`, stops it.\n"
    )


MARKS = {
    "guard": "reaper.py",
    "worker": "worker",
    "beat": "beat",
    "web": "granian",
    "SQS": "tetraflix.embedded.sqs_server.application:app",
    "PostgreSQL": "postgres",
}


def child(stack: RunningStack, name: str) -> psutil.Process:
    found = psutil.Process(stack.stack()["pid"]).children()
    (process,) = [one for one in found if any(Path(word).name == MARKS[name] for word in one.cmdline())]
    return process


def runs_again(stack: RunningStack, name: str) -> bool:
    return bool(stack.stack()["deaths"].get(name, {}).get("state") == "running")


def answers(stack: RunningStack) -> bool:
    try:
        return stack.get("/tetraflix/genre/comedy")[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def kill_a_web_process_and_a_backend(stack: RunningStack) -> None:
    """Their own servers start them again."""
    server, *_ = (one for one in child(stack, "web").children() if "tracker" not in " ".join(one.cmdline()))
    server.kill()
    wait_until(lambda: runs_again(stack, "web process"), seconds=120)
    assert answers(stack)
    with closing(psycopg2.connect(stack.stack()["database"])) as connection:
        os.kill(connection.info.backend_pid, signal.SIGKILL)
        wait_until(lambda: runs_again(stack, "PostgreSQL backend"), seconds=120)
    wait_until(lambda: answers(stack), seconds=120)
    printed = stack.printed()
    assert " web process ended unexpectedly; web starts it again. Its log: " in printed
    assert (
        " PostgreSQL backend was terminated by signal 9: Killed; PostgreSQL starts it again. Its log: "
        in printed
    )


def test_a_child_that_is_killed_comes_back_and_the_others_go_on(stack: RunningStack) -> None:
    stack.start()
    with psycopg2.connect(stack.stack()["database"]) as connection, connection.cursor() as cursor:
        cursor.execute("insert into movies_movie (title, profile) values ('Kept', %s)", [[100, *[0] * 14]])
    for done, name in enumerate(MARKS):
        before = {other: child(stack, other).pid for other in MARKS}
        child(stack, name).kill()
        wait_until(partial(runs_again, stack, name), seconds=360)
        wait_until(lambda: answers(stack), seconds=120)
        assert stack.get("/tetraflix/movies/1")[1]["title"] == "Kept"
        assert {other: child(stack, other).pid for other in MARKS if other != name} == {
            other: pid for other, pid in before.items() if other != name
        }
        assert child(stack, name).pid != before[name]
        assert stack.printed().count(" was killed (SIGKILL); it starts again in 0.5 s. Its log: ") == done + 1
    kill_a_web_process_and_a_backend(stack)
    wait_until(lambda: stack.manage("status", "--json").returncode == 0, seconds=300)
    found = json.loads(stack.manage("status", "--json").stdout)
    assert found["movies"] == 1
    deaths = {name: (one["count"], one["reason"], one["state"]) for name, one in found["deaths"].items()}
    assert deaths == dict.fromkeys(MARKS, (1, "was killed (SIGKILL)", "running")) | {
        "web process": (1, "ended unexpectedly", "running"),
        "PostgreSQL backend": (1, "was terminated by signal 9: Killed", "running"),
    }
    (note,) = found["notes"]
    assert re.fullmatch(r"SQS was killed: \d+ messages? (is|are) kept, nothing is lost.", note)
    assert "worker died" in stack.manage("status").stdout
    stack.send(signal.SIGTERM)
    assert stack.ended() == 0
    assert stack.left() == []


def test_a_kill_of_it_or_of_what_started_it_leaves_nothing(stack: RunningStack) -> None:
    stack.start()
    stack.send(signal.SIGKILL)
    wait_until(lambda: stack.left() == [], seconds=90)

    # In spite of what the kill left behind; as make starts it, because a killed make sends no signal.
    code = "import subprocess, sys; subprocess.run([sys.executable, sys.argv[1], 'run', '--follow-parent'])"
    with subprocess.Popen([sys.executable, "-c", code, MANAGE], env=stack.env) as make:
        wait_until(lambda: answers(stack), seconds=300)
        make.kill()
    wait_until(lambda: stack.left() == [], seconds=90)


def test_a_taken_port_is_reported_before_anything_starts(stack: RunningStack) -> None:
    with socket.create_server(("127.0.0.1", stack.port)):
        answer = stack.manage("run")
    assert answer.returncode == 1
    assert answer.stderr == (
        f"CommandError: Port {stack.port} is taken: stop what listens there, or choose another"
        " (PORT=8001 make run).\n"
    )
    assert not (stack.var / "postgres").exists()
