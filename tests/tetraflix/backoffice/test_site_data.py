"""The JSON of the home page: why a movie is shown, further rows of a user, and the views counted today."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from pytest_django import Settings

from movies.foundation.numbers import MAX_BIGINT
from movies.models import Movie
from movies.viewing.popularity import refresh
from recommendations import services, stores
from recommendations.user_lists import GENERATED, Entry, UserLists
from tests.movies.factories import movie
from tests.recommendations.recommender.test_refresh import NOW, listed, refreshed, report, some_movies
from tests.statements import sent_statements
from tests.waiting import wait_until
from tetraflix.backoffice import site_data

USER = 7


@pytest.fixture
def demo(settings: Settings, transactional_db: None) -> None:
    """Everybody may read explanations. Another thread loads the movies, so what a test writes is committed."""
    settings.ENVIRONMENT = "demo"


def explained(movie_id: int, user_id: int = USER) -> Any:
    """The explanation, with a score if there can be one."""
    wait_until(lambda: site_data.movies.get() is not None)
    answer = Client().get(f"/site/why/{user_id}/{movie_id}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def answers(client: Client, path: str) -> bool:
    return client.get(path).status_code == 200


def test_a_movie_of_an_own_list_is_explained_with_its_score(demo):
    made = some_movies(30)
    report(USER, made[0])
    report(USER, made[1], progress=0.4, at=NOW + timedelta(minutes=5))
    refreshed()
    services.dismiss(user_id=USER, movie_id=made[2].id)
    ids, _ = listed(USER)
    third = ids[3]

    body = explained(third)

    assert (body["shownIn"], body["place"], body["of"]) == ("recommendations", 3, 19)
    assert body["because"] == [
        f"Number 3 of 19 movies recommended to user {USER}.",
        "The list is our own, by the strategy mixture.",
    ]
    assert (body["list"]["madeBy"], body["list"]["place"], body["list"]["length"]) == ("mixture", 4, 20)
    left_out = {each["id"]: each["why"] for each in body["leftOutBefore"]}
    assert left_out == {
        made[0].id: f"was finished at {NOW:%Y-%m-%d %H:%M} UTC",
        made[1].id: "is being watched",
        made[2].id: "was dismissed",
    }
    assert body["leftOutCount"] == 3
    terms = {each["genre"]: each for each in body["score"]["terms"]}
    assert len(terms) == 15
    assert sum(each["share"] for each in terms.values()) == pytest.approx(1, abs=0.001)
    assert sum(each["taste"] for each in terms.values()) == pytest.approx(1, abs=0.001)
    profile = Movie.objects.get(id=third).profile
    assert terms["action"]["profile"] == profile[0] / 100
    assert terms["western"] == {"genre": "western", "taste": 0, "profile": 0, "share": 0}


def test_what_is_half_watched_finished_hidden_or_not_listed_says_so(demo):
    watched, finished, hidden, other = (movie(f"Movie {n}", movie_id=n) for n in range(1, 5))
    report(USER, watched, progress=0.4)
    report(USER, finished, at=NOW + timedelta(minutes=5))
    Movie.objects.filter(id=hidden.id).update(hidden=True)
    stores.current().update({USER: lambda lists: lists})

    body = explained(watched.id)
    assert (body["shownIn"], body["place"]) == ("currentlyWatching", 1)
    assert body["because"][0] == f"User {USER} watched 40% of it, last at {NOW:%Y-%m-%d %H:%M} UTC."
    assert explained(hidden.id)["because"][0] == "The movie is hidden: hidden movies appear in no list."
    assert explained(hidden.id)["score"] is None
    assert explained(finished.id)["because"][0].startswith(
        f"It is not recommended to user {USER}, because it was finished at "
    )
    assert explained(other.id)["shownIn"] == "recommendations"  # one of the most popular ones


def test_a_new_user_is_shown_the_most_popular_movies(demo):
    movie("Kahaani", movie_id=1)
    refresh()
    body = explained(1, user_id=534356757834)
    assert body["because"] == [
        "New user: no data yet, so the most popular movies are shown.",
        "No list of recommendations was ever made for this user.",
    ]
    assert (body["list"], body["score"], body["leftOutBefore"]) == (None, None, [])


def test_movies_dropped_from_a_list_before_this_one_are_named(demo):
    for number in range(1, 6):
        movie(f"Movie {number}", movie_id=number, hidden=number == 2)
    lists = UserLists(
        recommended=(99, 2, 3, 4, 5),
        recommended_at=NOW,
        recommended_by=GENERATED,
        watching=(Entry(3, 0.5, NOW),),
        dismissed=(4,),
    )
    stores.current().write([(USER, lists)])
    body = explained(5)
    assert (body["place"], body["of"], body["list"]["place"]) == (1, 1, 5)
    assert body["leftOutBefore"] == [
        {"id": 99, "title": None, "why": "does not exist"},
        {"id": 2, "title": "Movie 2", "why": "is hidden"},
        {"id": 3, "title": "Movie 3", "why": "is being watched"},
        {"id": 4, "title": "Movie 4", "why": "was dismissed"},
    ]


def test_outside_of_a_demo_only_staff_who_may_see_users_read_it(transactional_db, viewer: Client):
    movie("Kahaani", movie_id=1)
    for path in ("/site/why/7/1", "/site/rows/7"):
        refused = Client().get(path)
        assert (refused.status_code, refused.json()) == (403, {"detail": site_data.NOT_ALLOWED})
        wait_until(partial(answers, viewer, path))
    assert Client().get("/site/live").status_code == 200


@pytest.mark.parametrize("path", ["/site/why/0/1", f"/site/why/{2**63}/1", "/site/rows/abc"])
def test_a_user_out_of_range_says_so(demo, path: str):
    answer = Client().get(path)
    assert (answer.status_code, answer.json()) == (
        404,
        {"detail": f"A user is a whole number from 1 to {MAX_BIGINT}."},
    )


@pytest.mark.parametrize("movie_id", ["1", "x", str(2**63)])
def test_a_movie_that_does_not_exist_says_so(demo, movie_id: str):
    answer = Client().get(f"/site/why/{USER}/{movie_id}")
    assert (answer.status_code, answer.json()) == (404, {"detail": "There is no such movie."})


def test_the_rows_follow_what_the_user_finished(demo):
    dramas = [movie(f"Drama {n}", drama=100 - n, comedy=n) for n in range(5)]
    westerns = [movie(f"Western {n}", western=100 - n, horror=n) for n in range(4)]
    hidden = movie("Hidden", drama=100, hidden=True)
    report(1, dramas[3])
    report(USER, westerns[0])
    report(USER, dramas[0], at=NOW + timedelta(minutes=5))

    wait_until(lambda: site_data.movies.get() is not None)
    body = Client().get(f"/site/rows/{USER}").json()

    assert body["finished"]["title"] == "Drama 0"
    like = [each["title"] for each in body["like"]]
    assert like[0] == "Drama 3"  # the most viewed of those like it
    assert set(like) == {each.title for each in (*dramas[1:], *westerns[1:])}
    assert hidden.title not in like
    assert [each["genre"] for each in body["genres"]] == ["drama", "western"]
    assert sum(each["share"] for each in body["genres"]) == pytest.approx(1, abs=0.001)


def test_a_user_without_finishes_has_the_genres_of_the_list(demo):
    movie("Kahaani", movie_id=1, thriller=60, drama=40)
    refresh()
    wait_until(lambda: site_data.movies.get() is not None)
    assert Client().get(f"/site/rows/{USER}").json() == {
        "genres": [{"genre": "thriller", "share": 0.6}, {"genre": "drama", "share": 0.4}],
        "finished": None,
        "like": [],
    }


def test_the_views_of_today_are_counted_live(demo):
    assert Client().get("/site/live").json() == {"viewsToday": 0}
    report(USER, movie("Kahaani"))
    report(8, movie("Other"))
    wait_until(lambda: Client().get("/site/live").json() == {"viewsToday": 2})


def test_few_statements_answer_however_much_there_is(demo):
    made = some_movies(30)
    report(USER, *made[:3])
    refreshed()
    third = listed(USER)[0][2]
    explained(third)
    for path, most in ((f"/site/why/{USER}/{third}", 10), (f"/site/rows/{USER}", 10), ("/site/live", 1)):
        with sent_statements() as sent:
            assert Client().get(path).status_code == 200
        assert len(sent) <= most, sent


def test_an_unavailable_database_is_503_as_json(demo, monkeypatch: pytest.MonkeyPatch):
    def unavailable(*args: object) -> None:
        raise OperationalError("unavailable")

    monkeypatch.setattr(site_data, "why", unavailable)
    answer = Client().get(f"/site/why/{USER}/1")
    assert answer.status_code == 503
    assert answer.json()["detail"].startswith("The database is unavailable.")
