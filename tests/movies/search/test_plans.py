"""How PostgreSQL runs what clients ask of a large inventory: over indexes, never row by row."""

from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from movies.genres import GENRES
from movies.models import Movie
from movies.search.engine import search
from movies.search.keyset_pagination import ORDERINGS, page
from tests.movies.query_plans import plans_of_reads

MOVIES = (
    100_000  # of fewer, a scan of the narrow table of views is rightly the cheaper plan for a common word
)


@pytest.fixture(scope="module")
def inventory(django_db_setup: Any, django_db_blocker: Any) -> Any:
    """Seeded once for this file, and taken away at its end."""
    with django_db_blocker.unblock():
        call_command("seed_movies", movies=MOVIES, seed=1)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        yield
        with connection.cursor() as cursor:
            cursor.execute(
                "TRUNCATE movies_movie, movies_viewcount, movies_genreviews, movies_popularlist CASCADE"
            )


@pytest.mark.parametrize("genre", [None, *GENRES])
@pytest.mark.parametrize("ordering", ORDERINGS)
def test_no_page_scans_the_movies_or_their_views(inventory: None, db: None, ordering: str, genre: str | None):
    with plans_of_reads() as plans:
        first = page(ordering=ordering, genre=genre, limit=20)
        page(ordering=ordering, genre=genre, cursor=first.following, limit=20)
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
