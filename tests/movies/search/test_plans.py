"""Query plans of reads over a large inventory: PostgreSQL uses indexes and scans no table."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from movies.genres import GENRES
from movies.models import Movie
from movies.search.engine import search
from movies.search.filters import Filters
from movies.search.keyset_pagination import ORDERINGS, page
from tests.movies.query_plans import plans_of_reads
from tests.movies.seeded import seeded_inventory

MOVIES = 100_000  # with fewer, PostgreSQL rightly scans the narrow table of views for a common word


@pytest.fixture(scope="module")
def inventory(django_db_setup: Any, django_db_blocker: Any) -> Iterator[None]:
    """Seeded once for this module."""
    with seeded_inventory(django_db_blocker, MOVIES):
        yield


LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)  # all movies are changed since
SOME_DAY = datetime(2999, 1, 1, tzinfo=UTC)  # none is
FILTERS = [
    *(Filters(genre=genre, hidden=False) for genre in (None, *GENRES)),
    Filters(),
    Filters(views_from=100, views_to=200),
    Filters(views_from=10_000),
    Filters(views_to=3, hidden=False),
    Filters(genre="western", views_from=1_000),
    Filters(hidden=True, views_from=1),
    Filters(changed_since=LONG_AGO),
    Filters(changed_since=SOME_DAY),
    Filters(changed_since=LONG_AGO, genre="western", views_from=1_000, hidden=False),
]


@pytest.mark.parametrize("filters", FILTERS, ids=str)
@pytest.mark.parametrize("ordering", ORDERINGS)
def test_no_page_scans_the_movies_or_their_views(inventory: None, db: None, ordering: str, filters: Filters):
    with plans_of_reads() as plans:
        first = page(ordering=ordering, filters=filters, limit=20)
        page(ordering=ordering, filters=filters, cursor=first.following, limit=20)
    assert plans
    assert [plan for plan in plans if "Seq Scan on movies_" in plan] == []


@pytest.mark.parametrize("kind", ["whole", "misspelt", "begun", "word", "the"])
def test_no_search_scans_the_movies_or_their_views(inventory: None, db: None, kind: str):
    title = Movie.objects.order_by("id")[7].title
    longest = max(title.split(), key=len)
    q = {
        "whole": title,
        "misspelt": title.replace(longest, longest[:2] + longest[3:]),
        "begun": title[:5],
        "word": longest,
        "the": "the",
    }[kind]
    with plans_of_reads() as plans:
        search(q, limit=20)
    assert plans
    scanned = [
        plan for plan in plans if "Seq Scan on movies_movie" in plan or "Seq Scan on movies_view" in plan
    ]
    assert scanned == []
