"""`make run`: one command starts everything, and nothing is left running after any kind of end."""

import os
import signal
import socket
import subprocess
import sys

import psutil
import psycopg2
import pytest

from tests.servers.running_stack import MANAGE, RunningStack
from tests.waiting import wait_until
from tetraflix.configuration import stack_addresses

pytestmark = pytest.mark.timeout(900)  # a busy machine is no reason to fail


def test_it_serves_and_after_ctrl_c_only_its_data_is_left(stack: RunningStack) -> None:
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


def test_another_terminal_finds_its_servers_and_cannot_start_it_twice(stack: RunningStack) -> None:
    stack.start()
    assert stack.manage("migrate", "--check").returncode == 0

    status = stack.manage("status", "--json")
    assert (status.returncode, status.stderr) == (0, "")
    assert '"movies": 0' in status.stdout

    pid = stack.stack()["pid"]
    again = stack.manage("run")
    assert again.returncode == 1
    assert again.stderr == (
        f"CommandError: It is already running (pid {pid}, http://127.0.0.1:{stack.port}): Ctrl-C there, or"
        f" `kill {pid}`, stops it.\n"
    )

    assert stack.manage("stop").stdout == f"Stopped (pid {pid}).\n"
    assert stack.ended() == 0
    assert stack.left() == []


@pytest.mark.parametrize("victim", ["web", "worker", "PostgreSQL", "SQS"])
def test_a_killed_child_stops_everything(stack: RunningStack, victim: str) -> None:
    stack.start()
    found = psutil.Process(stack.stack()["pid"]).children()
    marks = {"web": "granian", "worker": "worker", "PostgreSQL": "bin/postgres", "SQS": "ministack.app:app"}
    (process,) = [one for one in found if any(word.endswith(marks[victim]) for word in one.cmdline())]
    process.kill()
    assert stack.ended() == 1
    assert f"✗ {victim} was killed (SIGKILL)." in stack.printed()
    wait_until(lambda: stack.left() == [], seconds=30)


def test_kill_9_leaves_nothing(stack: RunningStack) -> None:
    stack.start()
    stack.send(signal.SIGKILL)
    wait_until(lambda: stack.left() == [], seconds=90)
    stack.start()  # in spite of what a kill leaves behind


def test_it_stops_with_the_process_that_started_it(stack: RunningStack) -> None:
    # As make starts it, because a killed make sends no signal.
    code = "import subprocess, sys; subprocess.run([sys.executable, sys.argv[1], 'run', '--follow-parent'])"
    with subprocess.Popen([sys.executable, "-c", code, MANAGE], env=stack.env) as make:
        wait_until(lambda: "web" in stack.stack().get("programs", {}), seconds=300)
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
