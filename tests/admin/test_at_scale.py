"""With 300,000 movies, each page takes a bounded number of statements and scans no table."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from movies.genres import GENRES
from movies.models import Movie
from tests.movies.query_plans import plans_of_reads
from tests.movies.seeded import seeded_inventory

MOVIES = 300_000
LIST = "/admin/movies/movie/"
MAX_STATEMENTS = 10  # including those for session, user and permissions


@pytest.fixture(scope="module")
def inventory(django_db_setup: Any, django_db_blocker: Any) -> Iterator[None]:
    """Seeded once for this module, with every thousandth movie hidden."""
    with seeded_inventory(django_db_blocker, MOVIES):
        with connection.cursor() as cursor:
            cursor.execute("UPDATE movies_movie SET hidden = true WHERE id % 1000 = 0")
            # years of days, of which the dashboard reads 30
            cursor.execute(
                "INSERT INTO movies_genreviews (day, genre, weight)"
                " SELECT current_date - ago, genre, 100 FROM generate_series(31, 4000) AS ago,"
                " unnest(%s::text[]) AS genre",
                [list(GENRES)],
            )
            cursor.execute("ANALYZE")
        yield


ADDRESSES = [
    "/admin/",
    "/admin/dashboard.json",
    *(
        f"{LIST}?{order}{chosen}{place}"
        for order in ("", "o=-1", "o=2", "o=-2", "o=4", "o=-4")
        for chosen in ("", "&genre=drama", "&genre=western&state=visible", "&state=hidden")
        for place in ("", "&at=end")
    ),
    *(
        f"{LIST}?{order}{chosen}{place}"
        for order in ("", "o=2", "o=-4", "o=-7")
        for chosen in (
            "&views_from=1000",
            "&views_from=3&views_to=4",
            "&genre=western&views_from=100",
            "&state=hidden&views_to=100",
            "&changed=2020-01-01",
            "&changed=2120-01-01T10:00&genre=drama",
        )
        for place in ("", "&at=end")
    ),
    f"{LIST}?q=the&views_from=1000&changed=2020-01-01",
    f"{LIST}?q=the",
    f"{LIST}?q=lord of the rigns",
    f"{LIST}?q=299999",
    "/admin/autocomplete/?app_label=movies&model_name=viewcount&field_name=movie&term=lord of the rigns",
    f"{LIST}299999/change/",
    f"{LIST}299999/history/",
    "/admin/movies/moviechange/",
    "/admin/recommendations/experiment/",
    "/admin/recommendations/userlists/",
    "/admin/recommendations/userlists/7/",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_page_scans_counts_or_skips_many_rows(inventory: None, editor: Client, queues: Any, address: str):
    with plans_of_reads() as plans, CaptureQueriesContext(connection) as sent:
        response = editor.get(address)
    assert response.status_code == 200
    statements = [query["sql"] for query in sent if not query["sql"].startswith("EXPLAIN SELECT")]
    assert len(statements) <= MAX_STATEMENTS
    assert [
        plan for plan in plans if re.search(r"Seq Scan on movies_(movie|view|moviechange|genreviews)", plan)
    ] == []
    assert [sql for sql in statements if re.search(r"OFFSET [1-9]", sql)] == []
    counts = [
        sql for sql in statements if "count(" in sql.lower() and "LIMIT" not in sql and " IN (" not in sql
    ]
    assert [sql for sql in counts if "movies_" in sql] == []


def test_the_number_of_movies_is_an_estimate_that_says_so(inventory: None, editor: Client):
    def number(query: str) -> str:
        return str(editor.get(LIST + query).context["cl"].result_count)

    assert number("") == "about 300,000"
    assert number("?state=hidden") == "300"
    assert number("?genre=drama").startswith("about ")
    assert number("?q=the") == "the first 500"


def test_the_last_page_is_as_fast_as_the_first(inventory: None, editor: Client):
    """It holds the last movies of the order, and links to the page before it."""
    end = list(Movie.objects.order_by("-id").values_list("id", flat=True)[:100])[::-1]
    last = editor.get(f"{LIST}?at=end").context["cl"]
    assert [found.pk for found in last.result_list] == end[50:]
    previous = editor.get(LIST + last.previous).context["cl"]
    assert [found.pk for found in previous.result_list] == end[:50]
