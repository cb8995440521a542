"""The snapshot has each visible movie with its recent views, whatever they are."""

import numpy as np

from movies.models import Movie, ViewCount
from recommendations.recommender import snapshot
from tests.movies.factories import movie, profile


def recent(movie_id: int, number: int) -> None:
    ViewCount.objects.filter(movie_id=movie_id).update(recent=number)


def test_views_are_in_units_of_the_most_viewed_visible_movie(db):
    most, half, none, hidden = (movie(title, drama=100) for title in ("Most", "Half", "None", "Hidden"))
    Movie.objects.filter(id=hidden.id).update(hidden=True)
    recent(most.id, 2 * 10**60)
    recent(half.id, 10**60)
    recent(hidden.id, 10**200)

    loaded = snapshot.load()

    assert loaded.catalog.ids.tolist() == [most.id, half.id, none.id]
    assert loaded.catalog.views.tolist() == [2.0**40, 2.0**39, 0.0]
    assert (
        loaded.profiles_of([hidden.id, 10**15, half.id]).tolist()
        == [[weight / 100 for weight in profile(drama=100)]] * 2
    )


def test_an_inventory_without_visible_movies(db):
    hidden = movie("Hidden", hidden=True)
    recent(hidden.id, 10**60)

    loaded = snapshot.load()

    assert len(loaded.catalog) == 0
    assert np.array_equal(loaded.ids, [hidden.id])
    assert loaded.unknown([hidden.id, 10**15]) == [10**15]


def test_movies_of_all_ids_are_in_one_order(db):
    for movie_id in (1, 19_999, 20_000, 2**53 - 1):
        movie(f"Movie {movie_id}", movie_id=movie_id)

    assert snapshot.load().ids.tolist() == [1, 19_999, 20_000, 2**53 - 1]
