"""`manage.py status`, and what any command says while nothing runs."""

import json
from pathlib import Path

import pytest

from tests.tetraflix.stacks import RunningStack
from tetraflix.embedded.ports import free_port

POSTGRES = "PostgreSQL at 127.0.0.1:{port} is not reachable (Connection refused): `make run` starts it."


@pytest.fixture
def nothing_runs(open_folder: Path) -> RunningStack:
    """A folder where no stack was started, on a machine where another one may run on the usual ports."""
    stack = RunningStack(open_folder)
    stack.env |= {"AWS_ENDPOINT_URL_SQS": f"http://127.0.0.1:{free_port()}"}
    stack.env |= {"DATABASE_URL": f"postgresql://tetraflix@127.0.0.1:{free_port()}/tetraflix"}
    return stack


def test_every_figure_is_null_while_nothing_runs_and_a_line_says_what_starts_it(
    nothing_runs: RunningStack,
) -> None:
    found = nothing_runs.manage("status", "--json")
    assert found.returncode == 1
    names = ("web", "sqs", "database", "movies", "users", "views")
    assert json.loads(found.stdout) == {**dict.fromkeys(names), "queues": {}}
    sqs, database = (nothing_runs.env[name] for name in ("AWS_ENDPOINT_URL_SQS", "DATABASE_URL"))
    assert found.stderr.splitlines() == [
        f"The web server at http://127.0.0.1:{nothing_runs.port} does not answer: `make run` starts it.",
        f"SQS at {sqs} is not reachable: see AWS_ENDPOINT_URL_SQS and AWS_REGION.",
        f"PostgreSQL at {database[23:38]} is not reachable (Connection refused): see DATABASE_URL.",
    ]


@pytest.mark.parametrize("words", [("migrate",), ("seed_movies", "--movies", "1"), ("refresh_popularity",)])
def test_a_command_says_in_one_line_what_it_does_not_reach(
    nothing_runs: RunningStack, words: tuple[str, ...]
) -> None:
    found = nothing_runs.manage(*words)
    where = nothing_runs.env["DATABASE_URL"][23:38]
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr == f"PostgreSQL at {where} is not reachable (Connection refused): see DATABASE_URL.\n"


def test_a_command_that_needs_sqs_says_so(nothing_runs: RunningStack) -> None:
    found = nothing_runs.manage("ensure_queues")
    where = nothing_runs.env["AWS_ENDPOINT_URL_SQS"]
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr == f"SQS at {where} is not reachable: see AWS_ENDPOINT_URL_SQS and AWS_REGION.\n"
