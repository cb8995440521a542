"""A bulk job applies to what its list shows, and its exact size is known before it starts."""

import csv
import gzip
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from movies.bulk import jobs
from movies.models import Job, Movie
from movies.search import selections
from movies.search.selections import ApproximateCount, Selection
from tests.admin.forms import says
from tests.movies.factories import movie, other_connection

LIST = "/admin/movies/movie/"


@pytest.fixture
def six(db: None) -> None:
    """1 to 3 are dramas, 4 to 6 horror; 3 and 6 are hidden."""
    for number in range(1, 7):
        genre = {"drama": 60, "comedy": 40} if number < 4 else {"horror": 100}
        movie(f"Kahaani {number}", movie_id=number, hidden=number % 3 == 0, **genre)


def exported(client: Client, query: str, form: str = "csv") -> list[int]:
    """The ids in the exported file, as many as its job announced."""
    started: Any = client.post(f"{LIST}export/{form}{query}")
    job = Job.objects.latest("created")
    assert started.url == f"/admin/movies/job/{job.pk}/"
    lines = gzip.decompress(client.get(f"{started.url}download").content).decode().splitlines()
    ids = [int(row["id"]) for row in csv.DictReader(lines)]
    assert (job.total, job.result["movies"]) == (len(ids), len(ids))
    return ids


SELECTIONS = {
    "": [1, 2, 3, 4, 5, 6],
    "?genre=drama": [1, 2, 3],
    "?genre=drama&state=visible": [1, 2],
    "?state=hidden": [3, 6],
    "?q=kahaani&state=hidden": [3, 6],
    "?q=5": [5],
    "?genre=musical": [],
}


@pytest.mark.parametrize("query", SELECTIONS)
def test_an_export_has_the_movies_of_the_list(viewer: Client, six: None, query: str):
    page = viewer.get(LIST + query)
    ids = sorted(found.pk for found in page.context["cl"].result_list)
    assert ids == SELECTIONS[query]
    filters = page.context["cl"].filters
    assert exported(viewer, filters) == ids
    shown = page.content.decode()
    movies = "movie" if len(ids) == 1 else "movies"
    assert (f"Export {len(ids)} filtered {movies} as" in shown) is bool(query)
    assert ("Export all movies as" in shown) is not bool(query)
    assert f'action="{LIST}export/csv{filters.replace("&", "&amp;")}"' in shown


def test_an_export_keeps_only_the_filters_of_the_address(viewer: Client, six: None):
    page = viewer.get(f"{LIST}?o=-1&genre=drama&state=hidden&_facets=True&at=end&q=&views_to=", follow=True)
    assert page.context["cl"].filters == "?genre=drama&state=hidden"


@pytest.mark.parametrize(
    "query",
    [
        "?genre=polka",
        "?state=x",
        "?q=%00",
        "?genre=",
        "?views_from=-1",
        "?changed=yesterday",
        "?genr=drama",
        "?genre=drama&id=5",
        "?at=end",
    ],
)
def test_an_export_with_an_invalid_filter_is_refused(viewer: Client, six: None, query: str):
    response: Any = viewer.post(f"{LIST}export/csv{query}", follow=True)
    assert response.redirect_chain == [(LIST, 302)]
    assert says(response) == [
        "Nothing was exported, because the filter is invalid. Set it in the list again."
    ]
    assert Job.objects.count() == 0


def test_a_job_describes_what_it_exports(viewer: Client, six: None):
    viewer.post(f"{LIST}export/csv?genre=drama&state=hidden")
    page = viewer.get(f"/admin/movies/job/{Job.objects.get().pk}/").content.decode()
    assert "Export hidden movies with Drama as CSV" in page
    older = Job.objects.create(kind="export", state="applying", actor="staff:x", request={"format": "csv"})
    jobs.run_waiting()
    older.refresh_from_db()
    assert older.result["movies"] == 6
    assert "Export all movies as CSV" in viewer.get(f"/admin/movies/job/{older.pk}/").content.decode()


@pytest.mark.parametrize("query", SELECTIONS)
def test_an_action_on_everything_counts_and_changes_the_list(boss: Client, six: None, query: str):
    form = {"action": "delete", "index": "0", "select_across": "1", "_selected_action": "1"}
    number = len(SELECTIONS[query])
    asked = boss.post(LIST + query, form, follow=True)
    if number:
        assert f"Delete {number} movie{'' if number == 1 else 's'}?" in asked.content.decode()
        boss.post(LIST + query, form | {"sure": "yes", "asked": str(number)})
    else:
        assert says(asked) == ["0 movies deleted: no movie matches."]
    assert list(Movie.objects.order_by("id").values_list("id", flat=True)) == [
        number for number in range(1, 7) if number not in SELECTIONS[query]
    ]
    assert [job.total for job in Job.objects.all()] == ([number] if number else [])


def test_a_search_for_an_id_obeys_the_filters(six: None):
    assert selections.matching_ids(Selection(q="3")) == [3]
    assert selections.matching_ids(Selection(q="3", hidden=False)) == []
    assert selections.matching_ids(Selection(q=" 3 ", hidden=True, genre="drama")) == [3]
    assert selections.matching_ids(Selection(q="3", genre="horror")) == []


def test_a_count_on_a_page_is_exact_or_says_that_it_is_not(six: None, monkeypatch: pytest.MonkeyPatch):
    def said(selection: Selection, *, estimate: int) -> str:
        monkeypatch.setattr(selections, "_estimate", lambda selection: estimate)
        return str(selections.approximate_count(selection))

    assert said(Selection(), estimate=-1) == said(Selection(), estimate=40_000) == "6"
    assert said(Selection(), estimate=1_234_567) == "about 1,230,000"
    monkeypatch.setattr(selections, "MAX_COUNTED", 2)
    assert said(Selection(genre="drama"), estimate=0) == "more than 2"
    assert said(Selection(genre="drama"), estimate=4) == "about 4"
    assert said(Selection(genre="drama", hidden=True), estimate=4) == "1"
    assert selections.count(Selection()) == 6
    assert f"{ApproximateCount(1160)}" == str(ApproximateCount(1160)) == "1,160"


@pytest.mark.django_db(transaction=True)
def test_a_job_that_finds_the_inventory_locked_is_left_to_the_worker(editor: Client, six: None):
    """A web process waits at most WEB_LOCK_TIMEOUT_MS for a lock."""
    with other_connection() as other:
        other.cursor().execute("SELECT FROM movies_inventory FOR UPDATE")
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = 20")
        response: Any = editor.post(LIST, {"action": "hide", "index": "0", "_selected_action": ["1"]})
    connection.close()
    job = Job.objects.get()
    assert (response.status_code, response.url) == (302, f"/admin/movies/job/{job.pk}/")
    assert (job.state, Movie.objects.get(pk=1).hidden) == ("applying", False)
    assert jobs.run_waiting() == 1
    assert Movie.objects.get(pk=1).hidden
