"""Two web processes, each with the inventory in memory, always agree with what is committed."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from movies.models import Movie
from recommendations import stores
from recommendations.user_lists import UserLists
from tests.movies.factories import movie
from tests.servers.web_process import WebProcess

USER = 534356757834


def get(port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/tetraflix/{path}", timeout=10) as answer:
        return json.load(answer)


@pytest.fixture
def ports(database_url: str, tmp_path: Path) -> Iterator[list[int]]:
    """The ports of two web processes on this test's database."""
    first, second = (
        WebProcess(tmp_path / f"web-{number}.log", DATABASE_URL=database_url) for number in (1, 2)
    )
    with first, second:
        yield [first.port, second.port]


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
