"""Lists of many moments at once are those that the recommender's own strategies and engine make for each moment."""

import numpy as np
import pytest

from movies.genres import GENRES
from recommendations.recommender import taste
from recommendations.recommender.catalog import Catalog
from recommendations.recommender.engine import Engine
from recommendations.recommender.strategies import STRATEGIES
from sessions_ingest.replay.moments import LENGTH, PER_PROFILE, ListMaker, Lists, Moments, Taste
from sessions_ingest.replay.movielens_genres import profile


def random_profiles(draw: np.random.Generator, count: int) -> np.ndarray:
    """Profiles of 1 to 3 genres out of 6, so that many are identical."""
    chosen = [draw.choice(GENRES[:6], draw.integers(1, 4), replace=False) for _ in range(count)]
    return np.array([profile([str(genre) for genre in genres]) for genres in chosen], np.uint8)


def of_the_recommender(
    catalog: Catalog, settings: Taste, past: np.ndarray, given: np.ndarray | None, seen: np.ndarray
) -> Lists:
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


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("exponent", [1.0, 0.5])
def test_lists_are_those_of_the_recommender(seed: int, exponent: float) -> None:
    draw = np.random.default_rng(seed)
    count = int(draw.integers(30, 400))
    ids, profiles = np.arange(1, count + 1), random_profiles(draw, count)
    settings = Taste(alpha=0.1, shrinkage=20, exponent=exponent)
    moments, expected = Moments(), []
    for _ in range(40):
        views = np.where(draw.random(count) < draw.random(), draw.integers(0, 2**40, count), 0).astype(
            np.float64
        )
        past = profiles[draw.integers(0, count, draw.integers(5, 80))] / 100
        seen = draw.choice(count, draw.integers(0, count // 2), replace=False)
        given = profiles[0] / 100 if draw.random() < 0.2 else None
        moments.views.append(views)
        moments.pasts.append(past)
        moments.given.append(given)
        moments.seen.append(seen)
        expected.append(of_the_recommender(Catalog(ids, profiles, views), settings, past, given, seen))
    found = list(ListMaker(ids, profiles, settings).lists(moments))
    assert [{name: lists[name] for name in lists if name != "random"} for lists in found] == expected


def test_a_taste_like_that_of_everybody_gets_the_popular_list() -> None:
    profiles = np.array([profile(["drama"])] * 2 + [profile(["comedy"])] * 2, np.uint8)
    moments = Moments(
        [np.array([3.0, 1.0, 3.0, 1.0])],
        [np.array([profile(["comedy", "drama"])] * 5) / 100],
        [None],
        [np.array([], np.int64)],
    )
    lists = next(ListMaker(np.arange(4), profiles, Taste(0.1, 20, 1.0)).lists(moments))
    assert lists["mixture"] == lists["popular"] == [0, 2, 1, 3]


def test_random_lists_have_no_seen_movie_and_at_most_three_of_a_profile() -> None:
    draw = np.random.default_rng(1)
    profiles = random_profiles(draw, 200)
    seen = np.arange(50)
    moments = Moments([np.zeros(200)] * 30, [profiles[:5] / 100] * 30, [None] * 30, [seen] * 30)
    maker = ListMaker(np.arange(200), profiles, Taste(0.1, 20, 1.0))
    drawn = [lists["random"] for lists in maker.lists(moments)]
    assert {len(movies) for movies in drawn} == {LENGTH}
    assert not {movie for movies in drawn for movie in movies} & set(seen.tolist())
    for movies in drawn:
        assert len(set(movies)) == len(movies)
        assert np.unique(profiles[movies], axis=0, return_counts=True)[1].max() <= PER_PROFILE
    assert len({tuple(movies) for movies in drawn}) == len(drawn)


def test_a_list_is_shorter_where_the_movies_do_not_suffice() -> None:
    profiles = np.array([profile(["drama"])] * 30, np.uint8)
    moments = Moments([np.arange(30.0)], [profiles[:5] / 100], [None], [np.array([29, 3])])
    lists = next(ListMaker(np.arange(30), profiles, Taste(0.1, 20, 1.0)).lists(moments))
    assert len(lists.pop("random")) == PER_PROFILE
    assert {tuple(movies) for movies in lists.values()} == {(28, 27, 26)}
