"""Staff read why a movie is in an own list, and where any movie stands."""

from datetime import timedelta

import numpy as np
from django.test import Client

from movies.genres import GENRES
from movies.models import Movie
from recommendations.recommender import score_explanation
from tests.movies.factories import movie
from tests.recommendations.recommender.test_refresh import NOW, USER, listed, refreshed, report, some_movies

PAGE = f"/admin/recommendations/userlists/{USER}/"


def shares(**shares: float) -> np.ndarray:
    return np.array([shares.get(genre, 0.0) for genre in GENRES])


def test_the_terms_of_a_score_in_words():
    assert score_explanation.words(shares(sci_fi=62, action=21, drama=4, horror=13)) == (
        "62% sci-fi, 21% action, 13% horror, 4% other"
    )
    assert score_explanation.words(shares(drama=0.001)) == "100% drama"
    assert score_explanation.words(shares()) == "nothing in common"


def test_where_a_movie_stands_and_why_it_is_not_in_the_list(transactional_db):
    made = some_movies(40)
    twins = [movie(f"Twin {n}", western=100) for n in range(5)]
    for viewer in range(60):
        report(2_000_000 + viewer, *twins[: 1 + viewer % 5], at=NOW - timedelta(hours=1))
    report(USER, made[0])
    report(USER, made[1], progress=0.4, at=NOW + timedelta(minutes=5))
    refreshed()
    ids, strategy = listed(USER)

    def says(movie_id: int) -> str:
        return (
            score_explanation.Scores(USER, strategy)
            .sentence(movie_id)
            .replace("By the strategy mixture it ", "")
        )

    for place, movie_id in enumerate(ids[:5], 1):
        assert says(movie_id).startswith(
            f"is number {place} of 43 movies as of now; a list made now has it. Its score:"
        )
    assert "a list made now has 3 better movies of the same profile instead" in says(twins[3].id)
    assert says(made[39].id).startswith(
        "is number 43 of 43 movies as of now; a list made now has the best 20."
    )
    begun = "neither begun nor finished nor dismissed."
    nowhere = f"has no place: only visible movies are recommended that the user has {begun}"
    Movie.objects.filter(id=made[2].id).update(hidden=True)
    assert [says(each.id) for each in made[:3]] == [nowhere] * 3
    assert says(10**15) == nowhere


def test_the_page_of_a_user_shows_taste_scores_and_standing(transactional_db, viewer: Client):
    made = some_movies(4)
    report(USER, made[0])
    refreshed()

    page = viewer.get(PAGE, {"movie": made[3].id}).content.decode()

    assert "The list is our own, by the strategy mixture." in page
    assert "Taste, by the finishes:" in page
    assert "% drama" in page
    assert "By the strategy mixture it is number 3 of 3 movies as of now; a list made now has it." in page


def test_a_list_of_the_bus_shows_no_scores_but_where_a_movie_stands(transactional_db, viewer: Client):
    made = some_movies(4)
    report(USER, made[0])

    page = viewer.get(PAGE, {"movie": made[3].id}).content.decode()

    assert "Taste, by the finishes:" not in page
    assert "By the strategy mixture it is number 3 of 3 movies as of now" in page
