"""The list of movies: pages, orders, filters, search."""

import re
from itertools import chain
from typing import Any

import pytest
from django.db.models import F
from django.test import Client

from movies.models import Movie, ViewCount
from tests.movies.factories import movie, profile

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
