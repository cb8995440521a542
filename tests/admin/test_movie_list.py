"""The list of movies: pages, orders, filters, search."""

import re
from itertools import chain
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client

from movies.models import Job, Movie, ViewCount
from movies.search.selections import Selection
from tests.admin.forms import says
from tests.movies.factories import change_records, movie, profile

LIST = "/admin/movies/movie/"
PAGE = 50


def ids(response: Any) -> list[int]:
    return [found.pk for found in response.context["cl"].result_list]


def link(response: Any, name: str) -> str | None:
    """The address of the link with this name."""
    found = re.search(rf'<a href="([^"]*)"[^>]*>{name}</a>', response.content.decode())
    return found and found[1].replace("&amp;", "&")


@pytest.fixture
def inventory(db: None) -> None:
    """120 movies: every third hidden, titles in reverse order of the ids, views with ties."""
    drama, action = profile(drama=60, comedy=40), profile(action=100)
    Movie.objects.bulk_create(
        Movie(
            id=number,
            title=f"Movie {500 - number}",
            hidden=number % 3 == 0,
            profile=drama if number % 2 else action,
        )
        for number in range(1, 121)
    )
    ViewCount.objects.update(views=F("movie_id") % 7)
    with (
        connection.cursor() as cursor
    ):  # movies 1 to 60 changed years ago, and one exactly at the time of a filter
        cursor.execute(
            "ALTER TABLE movies_movie DISABLE TRIGGER USER;"
            "UPDATE movies_movie SET updated = '2020-05-01 10:29:59.999+00' WHERE id <= 60;"
            "UPDATE movies_movie SET updated = '2020-05-01 10:30+00' WHERE id = 61;"
            "ALTER TABLE movies_movie ENABLE TRIGGER USER"
        )


def all_pages(client: Client, query: str, step: str = "Next", start: str = "") -> list[list[int]]:
    pages, address = [], f"{query}{start}"
    while address:
        response = client.get(LIST + address)
        assert response.status_code == 200
        pages.append(ids(response))
        address = link(response, step) or ""
    return pages


ORDERS = {
    "?": lambda number: number,
    "?o=-1": lambda number: -number,
    "?o=2": lambda number: f"movie {500 - number}",
    "?o=-4": lambda number: (-(number % 7), number),
}
FILTERS = {
    "": lambda number: True,
    "&state=hidden": lambda number: number % 3 == 0,
    "&state=visible": lambda number: number % 3 != 0,
    "&genre=drama": lambda number: number % 2 == 1,
    "&genre=drama&state=hidden": lambda number: number % 2 == 1 and number % 3 == 0,
    "&views_from=2&views_to=4": lambda number: 2 <= number % 7 <= 4,
    "&state=hidden&views_from=3&genre=drama": lambda number: number % 6 == 3 and number % 7 >= 3,
    "&changed=2020-05-01T10:30&views_to=5": lambda number: number % 7 <= 5 and number > 60,
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("chosen", FILTERS)
def test_forward_and_backward_pages_hold_each_movie_once_in_order(
    editor: Client, inventory: None, order: str, chosen: str
):
    expected = sorted(filter(FILTERS[chosen], range(1, 121)), key=ORDERS[order])
    forward = all_pages(editor, order + chosen)
    assert list(chain(*forward)) == expected
    backward = all_pages(editor, order + chosen, "Previous", "&at=end")
    assert list(chain(*reversed(backward))) == expected
    assert backward[0] == expected[-PAGE:]


def test_first_and_last_link_to_the_ends(viewer: Client, inventory: None):
    first = viewer.get(LIST)
    assert (link(first, "First"), link(first, "Previous")) == (None, None)
    last = viewer.get(LIST + str(link(first, "Last")))
    assert (link(last, "Next"), link(last, "Last")) == (None, None)
    assert ids(viewer.get(LIST + str(link(last, "First")))) == ids(first)


def test_a_row_shows_genres_views_popularity_and_state(viewer: Client, db: None):
    movie("Kahaani", movie_id=1, hidden=True, thriller=70, drama=30)
    ViewCount.objects.filter(movie_id=1).update(views=1200)
    page = viewer.get(LIST).content.decode()
    for shown in (
        'aria-label="Thriller 70%, Drama 30%"',
        '<i style="width:70%;background:#004949"></i>',
        ">1,200<",
        "84,000 in Thriller",
        '<span class="tf-state tf-hidden">hidden</span>',
        "<b>1 movie</b>",
    ):
        assert shown in page


def test_active_filters_are_named_and_each_can_be_removed(viewer: Client, inventory: None):
    query = "?changed=2020-05-01&genre=drama&o=-4&q=movie&state=visible&views_from=2"
    listed = viewer.get(LIST + query).context["cl"]
    assert [(chip.words, chip.without) for chip in listed.chips()] == [
        ("“movie”", "?changed=2020-05-01&genre=drama&o=-4&state=visible&views_from=2"),
        ("Drama", "?changed=2020-05-01&o=-4&q=movie&state=visible&views_from=2"),
        ("Visible", "?changed=2020-05-01&genre=drama&o=-4&q=movie&views_from=2"),
        ("At least 2 views", "?changed=2020-05-01&genre=drama&o=-4&q=movie&state=visible"),
        ("Changed since 2020-05-01 00:00 UTC", "?genre=drama&o=-4&q=movie&state=visible&views_from=2"),
    ]
    assert listed.without_filters == "?o=-4"
    assert viewer.get(LIST).context["cl"].chips() == []


def test_words_and_filters_are_searched_together(viewer: Client, inventory: None):
    found = viewer.get(LIST + "?q=movie&views_from=5&changed=2020-05-01T10:30&genre=drama&o=1")
    assert ids(found) == [number for number in range(61, 121) if number % 7 >= 5 and number % 2]


def test_empty_fields_of_the_form_leave_the_address(viewer: Client, inventory: None):
    response = viewer.get(LIST + "?q=&genre=drama&state=&views_from=&views_to=&changed=&o=2")
    assert (response.status_code, response["Location"]) == (302, "?genre=drama&o=2")


def test_bulk_acts_and_exports_apply_to_the_new_filters(editor: Client, inventory: None):
    query = "?views_from=6&changed=2020-05-01T10:30"
    chosen = [number for number in range(61, 121) if number % 7 == 6]
    form = {"action": "hide", "index": "0", "select_across": "1", "_selected_action": "1"}
    editor.post(LIST + query, form)
    assert [movie_id for movie_id in chosen if not Movie.objects.get(pk=movie_id).hidden] == []
    assert Movie.objects.filter(hidden=True).count() == len(chosen) + sum(
        1 for number in range(1, 121) if number % 3 == 0 and number not in chosen
    )
    editor.post(f"{LIST}export/csv{query}")
    export = Job.objects.get(kind="export")
    assert (export.result["movies"], str(Selection.from_json(export.request["selection"]))) == (
        len(chosen),
        "movies at least 6 views, changed since 2020-05-01 10:30 UTC",
    )


def test_fifty_rows_are_light(editor: Client, inventory: None):
    """In bytes; `python -m benchmarks pages` measures their CPU time."""
    page = editor.get(f"{LIST}?o=-4")
    assert len(ids(page)) == PAGE
    assert len(page.content) < 100_000


def test_a_row_hides_its_movie_and_shows_it_again(editor: Client, viewer: Client, db: None):
    movie("Kahaani & Co", movie_id=1)
    query = "genre=drama&o=-4"
    hidden = editor.post(f"{LIST}1/hide/", {"back": query}, follow=True)
    assert hidden.redirect_chain[0] == (f"{LIST}?genre=drama&o=-4", 302)
    assert says(hidden)[0].startswith("“Kahaani &amp; Co” is hidden: it appears in no list. <form")
    assert '<input type="hidden" name="first" value="2"><input type="hidden" name="last"' in says(hidden)[0]
    assert change_records("version", "action", "actor") == [(1, "added", ""), (2, "deleted", "staff:edith")]
    editor.get(f"{LIST}1/show/")
    assert Movie.objects.get().hidden
    editor.post(f"{LIST}1/show/", {"back": "https://else.where/"})
    assert not Movie.objects.get().hidden
    assert says(editor.post(f"{LIST}9/hide/", follow=True))[-1] == "There is no movie 9."
    assert viewer.post(f"{LIST}1/hide/").status_code == 403
    assert "tf-link" not in viewer.get(LIST).content.decode()


def test_search_finds_misspelt_titles_hidden_ones_and_ids(viewer: Client, db: None):
    movie("Lord of the Rings", movie_id=1)
    movie("The Lord of the Flies", movie_id=2, hidden=True)
    movie("Twelve", movie_id=12)
    assert ids(viewer.get(LIST + "?q=lord of the rigns"))[0] == 1
    assert sorted(ids(viewer.get(LIST + "?q=lord"))) == [1, 2]
    assert ids(viewer.get(LIST + "?q=lord&state=hidden")) == [2]
    assert ids(viewer.get(LIST + "?q=12"))[0] == 12
    nothing = viewer.get(LIST + "?q=zzzzzzzzzz")
    assert (ids(nothing), str(nothing.context["cl"].result_count)) == ([], "0")


@pytest.mark.parametrize(
    "query",
    [
        "?views_from=-1",
        "?views_to=many",
        "?changed=yesterday",
        "?changed=0000-01-01",
        "?colour=red",
        "?at=x",
        "?at=WzEsMiwzXQ",
        "?at=end&o=2",
        "?genre=polka",
        "?state=x",
        "?o=99",
        "?o=x",
        "?q=%00",
        "?p=9",
    ],
)
def test_an_invalid_address_redirects_to_the_list(viewer: Client, inventory: None, query: str):
    assert viewer.get(LIST + query, follow=True).status_code == 200


def test_autocompletion_offers_the_best_matches_first(viewer: Client, db: None):
    movie("The Rings of Lords", movie_id=1)
    movie("Lord of the Rings", movie_id=2)
    source = {"app_label": "movies", "model_name": "viewcount", "field_name": "movie"}
    answer = viewer.get("/admin/autocomplete/", source | {"term": "lord of the rigns"}).json()
    assert answer["results"][0] == {"id": "2", "text": "Lord of the Rings"}
