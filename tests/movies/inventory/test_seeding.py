"""Generated movies are plausible, the same for the same seed, and stored as a starting state."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Max, Min, Sum

from movies.inventory import generated_movies, seeding, services
from movies.models import GenreViews, Inventory, Movie, MovieChange, PopularList, ViewCount
from tests.movies.factories import movie, profile


def inventory() -> list[tuple[Any, ...]]:
    return list(
        Movie.objects.order_by("id").values_list(
            "id", "title", "profile", "hidden", "version", "viewcount__views"
        )
    )


@pytest.fixture
def ids_from_one(db):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE movies_movie ALTER COLUMN id RESTART")


def test_a_movie_depends_on_its_number_and_the_seed_alone():
    count = generated_movies.BLOCK_SIZE + 50
    whole = list(generated_movies.movies(seed=7, first=1, count=count))
    assert [part.first for part in whole] == [1, generated_movies.BLOCK_SIZE + 1]
    assert [len(part) for part in whole] == [generated_movies.BLOCK_SIZE, 50]
    around = list(generated_movies.movies(seed=7, first=generated_movies.BLOCK_SIZE - 4, count=10))
    for column in ("titles", "profiles", "views"):
        joined = np.concatenate([getattr(part, column) for part in whole])
        cut = np.concatenate([getattr(part, column) for part in around])
        assert (cut == joined[generated_movies.BLOCK_SIZE - 5 : generated_movies.BLOCK_SIZE + 5]).all()
    other = next(generated_movies.movies(seed=8, first=1, count=100))
    assert (other.titles != whole[0].titles[:100]).mean() > 0.9


def test_generated_movies_are_plausible():
    movies = next(generated_movies.movies(seed=1, first=1, count=generated_movies.BLOCK_SIZE))
    profiles = movies.profiles.astype(int)
    assert set(profiles.sum(axis=1)) == {100}
    strong, some = (profiles >= 15).sum(axis=1), (profiles > 0).sum(axis=1)
    assert (strong.min(), strong.max()) == (1, 4)
    assert some.max() <= 7
    assert ((profiles > 0).mean(axis=0) > 0.02).all()  # every genre has movies

    titles = [str(title) for title in movies.titles]
    assert len(set(titles)) > 0.97 * len(titles)
    assert all(1 <= len(title) <= 60 and title == title.strip() and title.isprintable() for title in titles)
    assert all(title[0].isupper() or not title[0].isascii() for title in titles)
    assert not any(
        sign in title for title in titles for sign in "\t\n\\"
    )  # characters that COPY's text format would escape


def test_generated_views_have_a_long_tail_and_no_movie_has_most_of_them():
    made = generated_movies.movies(seed=1, first=1, count=300_000)
    all_views = np.concatenate([movies.views for movies in made])
    for count in (10_000, 20_000, 300_000):
        views = np.sort(all_views[:count])[::-1]
        assert views[-1] == 0
        assert 5 <= np.median(views) <= 20
        assert 0.003 < views[0] / views.sum() < 0.012  # real viewing data: 0.3% to 0.6%
        assert 0.2 < views[: count // 100].sum() / views.sum() < 0.4


def test_an_empty_inventory_is_topped_up_in_two_steps_as_in_one(ids_from_one):
    progress: list[int] = []
    done = seeding.top_up(movies=120, seed=3, progress=progress.append)
    once = inventory()
    assert (done.movies, done.first, done.views) == (120, 1, sum(row[-1] for row in once))
    assert sum(progress) == 2 * 120
    expected = next(generated_movies.movies(seed=3, first=1, count=120))
    assert once == [
        (number, title, weights, False, 1, views)
        for number, (title, weights, views) in enumerate(
            zip(expected.titles, expected.profiles.tolist(), expected.views.tolist(), strict=True), 1
        )
    ]
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE movies_movie, movies_viewcount RESTART IDENTITY")

    seeding.top_up(movies=50, seed=3)
    seeding.top_up(movies=120, seed=3)

    assert inventory() == once


def test_existing_movies_stay_and_ids_continue(ids_from_one):
    by_hand = movie("By hand", movie_id=7)
    done = seeding.top_up(movies=4, seed=3)
    assert (done.movies, done.first) == (3, 8)
    assert [row[:2] for row in inventory()] == [(7, "By hand")] + [
        (8 + place, title)
        for place, title in enumerate(next(generated_movies.movies(seed=3, first=8, count=3)).titles)
    ]
    assert services.add_movie(actor="a", title="Next", profile=by_hand.profile).id == 11
    assert Movie.objects.get(id=7).version == 1


def test_a_deleted_movies_id_is_not_used_again(ids_from_one):
    seeding.top_up(movies=3, seed=3)
    services.delete_movies(actor="a", movie_ids=[3])
    seeding.top_up(movies=3, seed=3)
    assert [row[0] for row in inventory()] == [1, 2, 4]


def test_seeding_is_not_published_and_empties_every_cache(db):
    before = Inventory.objects.get().version
    seeding.top_up(movies=10, seed=3)
    assert not MovieChange.objects.exists()
    assert Inventory.objects.get().version > before + 100_000
    edited = Movie.objects.first()
    assert edited is not None
    services.change_movie(actor="a", movie_id=edited.id, title="Edited")
    assert list(MovieChange.objects.values_list("movie_id", "version", "action")) == [
        (edited.id, 2, "updated")
    ]


def test_the_last_days_have_a_plausible_share_of_the_views_by_genre(db):
    done = seeding.top_up(movies=2000, seed=3)
    days = GenreViews.objects.aggregate(Min("day"), Max("day"), Sum("weight"))
    today = datetime.now(UTC).date()
    assert (days["day__min"], days["day__max"]) == (today - timedelta(days=29), today)
    assert GenreViews.objects.values("day").distinct().count() == 30
    assert days["weight__sum"] == pytest.approx(done.views * 100 * seeding.SHARE_OF_DAYS, rel=0.01)


@pytest.mark.django_db(transaction=True)
def test_the_command_tops_up_refreshes_popularity_and_says_so(capsys):
    call_command("seed_movies", movies=300, seed=5)
    out, bar = capsys.readouterr()
    first = Movie.objects.earliest("id").id
    views, top = ViewCount.objects.aggregate(Sum("views"), Max("views")).values()
    assert out.startswith(
        f"300 movies added (ids from {first}, seed 5) with {views:,} views"
        f" ({top / views:.2%} of them of one movie), popularity refreshed, in "
    )
    assert "seeding movies" in bar
    most_viewed = ViewCount.objects.order_by("-views", "movie_id").values_list("movie_id", flat=True)[:200]
    assert PopularList.objects.get(genre="").movie_ids == list(most_viewed)

    call_command("seed_movies", movies=300, seed=5)
    assert capsys.readouterr().out == "Nothing to do: there are 300 movies.\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"movies": -1}, "--movies is a number from 0 to 50000000."),
        ({"movies": 1, "seed": -1}, "--seed is a number from 0."),
    ],
)
def test_the_command_refuses_invalid_numbers(db, arguments, sentence):
    with pytest.raises(CommandError, match=sentence):
        call_command("seed_movies", **arguments)
    assert not Movie.objects.exists()


def test_profiles_are_written_in_the_order_of_genres(db):
    rows = seeding.movie_rows(
        generated_movies.Generated(
            5,
            np.array(["A"], dtype=object),
            np.array([profile(action=9, western=91)], dtype=np.uint8),
            np.array([1]),
        )
    )
    assert rows.decode().replace(" ", "") == "5\tA\t{9,0,0,0,0,0,0,0,0,0,0,0,0,0,91}\n"
