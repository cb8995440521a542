"""Two web processes, each with the inventory in its memory, never disagree with what was committed."""

import json
import os
import sys
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from movies.models import Movie
from recommendations import stores
from recommendations.lists import UserLists
from tests.movies.factories import movie
from tetraflix.embedded.ports import free_port
from tetraflix.embedded.processes import Child

ROOT = Path(__file__).parents[2]
USER = 534356757834


def get(port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/tetraflix/{path}", timeout=10) as answer:
        return json.load(answer)


def answers(port: int) -> bool:
    try:
        get(port, f"recommendations/{USER}")
    except OSError:
        return False
    return True


@pytest.fixture
def ports(database_url: str, tmp_path: Path) -> Iterator[list[int]]:
    """Two servers as `make run` starts them, on this test's database."""
    servers: dict[int, Child] = {}
    try:
        for number in range(2):
            port = free_port()
            words = (
                f"-m granian --interface wsgi --host 127.0.0.1 --port {port} --workers 1 --blocking-threads 1"
            )
            servers[port] = Child(
                name=f"web {number}",
                argv=[sys.executable, *words.split(), "tetraflix.wsgi:application"],
                log=tmp_path / f"web-{number}.log",
                env=os.environ | {"DATABASE_URL": database_url},
                cwd=ROOT,
            )
            servers[port].start()
        for port, server in servers.items():
            server.wait_ready(partial(answers, port), seconds=60)
        yield list(servers)
    finally:
        for server in servers.values():
            server.stop()


def shown(port: int) -> list[tuple[int, str]]:
    return [(one["id"], one["title"]) for one in get(port, f"recommendations/{USER}")["recommendations"]]


@pytest.mark.django_db(transaction=True)
def test_a_change_committed_anywhere_shows_at_the_next_request_everywhere(ports: list[int]):
    one, two = movie("One"), movie("Two")
    late = Movie.objects.latest("id").id + 1
    stores.current().write([(USER, UserLists(recommended=(late, two.id, one.id)))])
    assert [shown(port) for port in ports] == [[(two.id, "Two"), (one.id, "One")]] * 2
    for turn in range(20):
        Movie.objects.filter(id=one.id).update(title=f"Edit {turn}")
        assert [shown(port) for port in ports] == [[(two.id, "Two"), (one.id, f"Edit {turn}")]] * 2
    Movie.objects.filter(id=two.id).update(hidden=True)
    assert [shown(port) for port in ports] == [[(one.id, "Edit 19")]] * 2
    movie("Late", movie_id=late)
    assert [shown(port) for port in ports] == [[(late, "Late"), (one.id, "Edit 19")]] * 2
    Movie.objects.filter(id=two.id).update(hidden=False)
    Movie.objects.filter(id=one.id).delete()
    assert [shown(port) for port in ports] == [[(late, "Late"), (two.id, "Two")]] * 2
