"""How concentrated lists are: movies on them, the one that is on most, profiles and ages, by who made them."""

import re
from datetime import UTC, datetime, timedelta
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from movies.inventory import services
from recommendations import stores
from recommendations.recommender.concentration import Concentration, Movies, age, concentrations, report
from recommendations.user_lists import BUS, EMPTY_LISTS, UserLists
from tests.movies.factories import movie

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
MOVIES = Movies(ids=np.array([10, 20, 30, 40]), profiles=np.array([0, 1, 0, 2]))


def made(*movies: int, by: str = BUS, hours_ago: float = 1) -> UserLists:
    return UserLists(movies, NOW - timedelta(hours=hours_ago), recommended_by=by)


def test_lists_are_measured_together_and_by_who_made_them():
    lists = [
        made(10, 20, 30, hours_ago=1),
        made(20, hours_ago=9),
        made(30, 20, by="mixture", hours_ago=2),
        EMPTY_LISTS,
    ]
    assert concentrations(lists, MOVIES, NOW) == [
        Concentration("all", 3, 3, 0.75, 20, 1.0, 2, 2 * 3600, 9 * 3600),
        Concentration("bus", 2, 3, 0.75, 20, 1.0, 1.5, 5 * 3600, 9 * 3600),
        Concentration("mixture", 1, 2, 0.5, 20, 1.0, 2, 2 * 3600, 2 * 3600),
    ]


def test_movies_that_are_not_visible_do_not_count():
    (whole, _) = concentrations([made(5, 10, 99), made(5)], MOVIES, NOW)
    assert (whole.lists, whole.movies, whole.top_movie, whole.top_share) == (2, 1, 10, 0.5)
    none = Movies(np.empty(0, np.int64), np.empty(0, np.int64))
    assert concentrations([made(5)], none, NOW)[0] == Concentration("all", 1, 0, 0, None, 0, 0, 3600, 3600)


def test_the_age_of_a_list_without_a_time_is_unknown():
    (whole, _) = concentrations([UserLists(recommended=(10,))], MOVIES, NOW)
    assert (whole.median_age_seconds, whole.oldest_age_seconds) == (None, None)


def test_without_lists_there_is_nothing_to_measure():
    assert concentrations([EMPTY_LISTS], MOVIES, NOW) == []


def printed(shown: object) -> str:
    out = StringIO()
    Console(file=out, width=100).print(shown)
    return out.getvalue()


@pytest.mark.django_db
def test_the_report_names_the_movie_that_is_on_most_lists_and_its_share():
    movie("Twin", movie_id=1, drama=100)
    movie("Other twin", movie_id=2, drama=100)
    movie("Kahaani", movie_id=3, thriller=100)
    movie("Hidden", movie_id=4, thriller=50, drama=50)
    services.hide_movies(actor="staff:x", movie_ids=[4])
    at = datetime.now(UTC) - timedelta(days=3)
    stores.current().write(
        [
            (1, UserLists((1, 2), at, recommended_by="mixture")),
            (2, UserLists((1, 3, 4), at, recommended_by="mixture")),
            (3, EMPTY_LISTS),
        ]
    )
    found = report()
    assert (found.users, found.sampled, found.movies, found.titles) == (3, 3, 3, {1: "Twin"})
    whole, mixture = found.parts
    assert (whole.movies, whole.coverage, whole.top_share, whole.profiles) == (3, 1.0, 1.0, 1.5)
    assert (mixture.made_by, mixture.lists) == ("mixture", 2)
    shown = printed(found.table())
    assert re.search(r"lists made by +┃ +all ┃ +mixture", shown)
    assert re.search(r"largest share of lists with one movie │ +100.00% │ +100.00%", shown)
    assert re.search(r"that movie +│ +Twin \(#1\) │ +Twin \(#1\)", shown)
    assert re.search(r"age \(oldest\) +│ +3 days │ +3 days", shown)
    assert "The lists of all 3 users; 3 visible movies." in shown


@pytest.mark.django_db
def test_a_sample_of_many_users_is_said_to_be_one():
    movie("Kahaani", movie_id=3, thriller=100)
    stores.current().write((user, UserLists((3,), NOW)) for user in range(1, 1001))
    found = report(users=500)
    assert (found.users, found.sampled <= 500) == (1000, True)
    assert found.sentence == (
        f"A sample of {found.sampled:,} of 1,000 users and 1 visible movies; more lists would cover more movies."
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (0, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (200_000, "2 days")],
)
def test_ages_have_a_unit(seconds: float | None, text: str):
    assert age(seconds) == text
