"""One name a page: the menu, the breadcrumb, the heading and the browser's tab say the same."""

import re

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from tests.movies.factories import movie

MENU = {
    "/admin/": "Dashboard",
    "/admin/movies/movie/": "Movies",
    "/admin/movies/moviechange/": "History",
    "/admin/movies/job/": "Bulk jobs",
    "/admin/recommendations/userlists/": "Users",
    "/admin/recommendations/experiment/": "Experiments",
    "/admin/sessions_ingest/recordedmessages/": "Messages",
    "/admin/sessions_ingest/deadletteract/": "Dead letters",
    "/admin/tetraflix/apikey/": "API keys",
    "/admin/auth/user/": "Staff",
    "/admin/auth/group/": "Roles",
}


def named(client: Client, address: str) -> tuple[list[str], str]:
    """The breadcrumb, whose last part is the heading, and the title of the browser's tab."""
    page = client.get(address).content.decode()
    crumbs = re.search(r'<nav class="tf-crumbs".*?</nav>', page, re.DOTALL)
    assert crumbs, page
    title = re.search(r"<title>(.*?)</title>", page, re.DOTALL)
    parts = re.findall(r"<(?:a|h1)[^>]*>(.*?)</(?:a|h1)>", crumbs[0], re.DOTALL)
    return [part.strip() for part in parts], title[1].strip() if title else ""


@pytest.mark.parametrize(("address", "name"), MENU.items())
def test_a_page_of_the_menu_has_the_name_of_its_item(boss: Client, queues: object, address: str, name: str):
    assert named(boss, address) == ([name], f"{name} | Tetraflix")
    active = re.findall(r'<a href="([^"]*)"[^>]*\bactive"', boss.get(address).content.decode())
    assert active == [address]


def test_a_page_below_names_the_item_of_the_menu_first(boss: Client, roles: None):
    movie("Kahaani", movie_id=1, thriller=100)
    for address, names in {
        "/admin/movies/movie/import/": ["Movies", "Import movies"],
        "/admin/movies/movie/1/history/": ["Movies", "Movie 1", "History of movie 1"],
        "/admin/recommendations/userlists/7/": ["Users", "User 7"],
        "/admin/planner/": ["Experiments", "Planner of experiments"],
        f"/admin/auth/group/{Group.objects.get(name='viewer').pk}/change/": ["Roles", "viewer"],
        "/admin/password_change/": ["Dashboard", "Password change"],
    }.items():
        assert named(boss, address) == (names, f"{names[-1]} | Tetraflix")


def test_an_app_has_no_page_of_its_own(boss: Client):
    assert boss.get("/admin/movies/")["Location"] == "/admin/"
