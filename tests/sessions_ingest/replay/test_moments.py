"""Lists of many moments at once are those that the recommender's own strategies and engine make for each moment."""

import dataclasses

import numpy as np
import pytest

from movies.genres import GENRES
from recommendations.recommender import taste
from recommendations.recommender.catalog import Catalog
from recommendations.recommender.engine import Engine
from recommendations.recommender.strategies import STRATEGIES
from recommendations.user_lists import FIXED_FINISHES
from sessions_ingest.replay.history import RecentViews
from sessions_ingest.replay.moments import ListMaker, Moments, Taste
from sessions_ingest.replay.movielens_genres import profile
from sessions_ingest.replay.selection import LENGTH, NOBODY, PER_PROFILE

SETTINGS = Taste(alpha=0.1, shrinkage=20, exponent=1.0)


def random_profiles(draw: np.random.Generator, count: int) -> np.ndarray:
    """Profiles of 1 to 3 genres out of 6, so that many are identical."""
    chosen = [draw.choice(GENRES[:6], draw.integers(1, 4), replace=False) for _ in range(count)]
    return np.array([profile([str(genre) for genre in genres]) for genres in chosen], np.uint8)


def of_the_recommender(
    catalog: Catalog, settings: Taste, past: np.ndarray, given: np.ndarray | None, seen: np.ndarray
) -> dict[str, list[int]]:
    population = catalog.population(settings.exponent)
    lists = {}
    for strategy in STRATEGIES.values():
        alpha = settings.alpha if strategy.alpha is None else strategy.alpha
        shrinkage = settings.shrinkage if strategy.shrinkage is None else strategy.shrinkage
        frozen = taste.fixed(
            past, given=given, population=population, shrinkage=shrinkage, finishes=len(past)
        )
        assert frozen is not None
        tastes = {
            "": taste.modelled(past, given=given, population=population, alpha=alpha, shrinkage=shrinkage),
            "_fixed": frozen,
        }
        engine = Engine(catalog, strategy.matrix(catalog, settings.exponent))
        for suffix, known in tastes.items():
            row = strategy.row(known, population)
            lists[strategy.name + suffix] = engine.top(row[np.newaxis], [seen])[0].tolist()
    del lists["popular_fixed"]
    return lists


def add_moment(
    moments: Moments,
    maker: ListMaker,
    *,
    views: np.ndarray,
    past: np.ndarray,
    seen: np.ndarray,
    given: np.ndarray | None = None,
) -> None:
    moments.views.append(views)
    moments.orders.append(np.lexsort((-views, maker.groups)))
    moments.first.append(past[:FIXED_FINISHES])
    moments.last.append(past[-taste.KEPT_FINISHES :])
    moments.finishes.append(len(past))
    moments.given.append(given)
    moments.seen.append(seen)


def without_padding(movies: np.ndarray) -> list[int]:
    return [movie for movie in movies.tolist() if movie != NOBODY]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("exponent", [1.0, 0.5])
def test_lists_are_those_of_the_recommender(seed: int, exponent: float) -> None:
    draw = np.random.default_rng(seed)
    count = int(draw.integers(30, 400))
    ids, profiles = np.arange(1, count + 1), random_profiles(draw, count)
    settings = dataclasses.replace(SETTINGS, exponent=exponent)
    maker = ListMaker(ids, profiles, settings)
    moments, expected = Moments(), []
    for _ in range(40):
        views = np.where(draw.random(count) < draw.random(), draw.integers(0, 2**40, count), 0)
        past = draw.integers(0, count, draw.integers(5, 80))
        seen = draw.choice(count, draw.integers(0, count // 2), replace=False)
        given = profiles[0] / 100 if draw.random() < 0.2 else None
        add_moment(
            moments, maker, views=views.astype(np.float64), past=profiles[past] / 100, seen=seen, given=given
        )
        catalog = Catalog(ids, profiles, views.astype(np.float64))
        expected.append(of_the_recommender(catalog, settings, profiles[past] / 100, given, seen))
    found = maker.lists(moments)
    assert len(found.pop("random")) == len(moments)
    for moment, lists in enumerate(expected):
        assert {name: without_padding(found[name][moment]) for name in found} == lists


def test_a_taste_like_that_of_everybody_gets_the_popular_list() -> None:
    profiles = np.array([profile(["drama"])] * 2 + [profile(["comedy"])] * 2, np.uint8)
    past = np.array([profile(["comedy", "drama"])] * 5) / 100
    maker, moments = ListMaker(np.arange(4), profiles, SETTINGS), Moments()
    add_moment(moments, maker, views=np.array([3.0, 1.0, 3.0, 1.0]), past=past, seen=np.array([], np.int64))
    lists = maker.lists(moments)
    assert without_padding(lists["mixture"][0]) == without_padding(lists["popular"][0]) == [0, 2, 1, 3]


def test_random_lists_have_no_seen_movie_and_at_most_three_of_a_profile() -> None:
    profiles = random_profiles(np.random.default_rng(1), 200)
    seen = np.arange(50)
    maker, moments = ListMaker(np.arange(200), profiles, SETTINGS), Moments()
    for _ in range(30):
        add_moment(moments, maker, views=np.zeros(200), past=profiles[:5] / 100, seen=seen)
    drawn = maker.lists(moments)["random"].tolist()
    assert not {movie for movies in drawn for movie in movies} & {NOBODY, *seen.tolist()}
    for movies in drawn:
        assert len(set(movies)) == LENGTH
        assert np.unique(profiles[movies], axis=0, return_counts=True)[1].max() <= PER_PROFILE
    assert len({tuple(movies) for movies in drawn}) == len(drawn)


def test_a_list_is_shorter_where_the_movies_do_not_suffice() -> None:
    profiles = np.array([profile(["drama"])] * 30, np.uint8)
    maker, moments = ListMaker(np.arange(30), profiles, SETTINGS), Moments()
    add_moment(moments, maker, views=np.arange(30.0), past=profiles[:5] / 100, seen=np.array([29, 3]))
    lists = {name: without_padding(movies[0]) for name, movies in maker.lists(moments).items()}
    assert len(lists.pop("random")) == PER_PROFILE
    assert {tuple(movies) for movies in lists.values()} == {(28, 27, 26)}


@pytest.mark.parametrize("seed", range(4))
def test_movies_stay_in_the_order_of_their_recent_views(seed: int) -> None:
    draw = np.random.default_rng(seed)
    groups = np.sort(draw.integers(0, 6, 60)).astype(np.int32)[draw.permutation(60)]
    recent = RecentViews(groups)
    for _ in range(300):
        recent.add(int(draw.integers(0, 60)), int(draw.choice([1, 1, 2, 2**60])))
        assert recent.order.tolist() == np.lexsort((-recent.as_of_now, groups)).tolist()
    assert recent.as_of_now.max() == 2**40
