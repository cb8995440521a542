"""The list of movies and the page of a movie in a browser: filters, acts of a row, conflicts, a deleted movie."""

from collections.abc import Callable

import pytest
from django.db.models import F

from movies.inventory import services
from movies.models import Movie, ViewCount
from tests.browser.conftest import Visit
from tests.movies.factories import movie, profile

pytestmark = pytest.mark.parametrize("width", [1440, 390])
Open = Callable[[int], Visit]
LIST = "/admin/movies/movie/"


def test_movies_are_filtered_by_views_and_one_is_hidden_and_shown_again(visit: Open, width: int):
    for number in range(1, 9):
        movie(f"Movie {number}", movie_id=number, western=100 * (number % 2), drama=100 * (1 - number % 2))
    ViewCount.objects.update(views=F("movie_id") * 100)
    window = visit(width)
    page = window.log_in(LIST)
    card = page.locator("#result_list tbody tr").first.bounding_box()
    assert card is not None
    assert card["height"] < 120  # three lines on a phone, one on a desktop
    if width < 900:
        page.click("text=Filters")
    page.select_option("[name=genre]", "western")
    page.fill("[name=views_from]", "300")
    page.click("text=Apply")
    page.wait_for_selector("text=Export 3 filtered movies as")
    assert page.url.endswith("?genre=western&views_from=300")
    chips = page.locator(".tf-chip").all_inner_texts()
    assert [chip.splitlines()[0] for chip in chips] == ["Western", "At least 300 views"]
    assert window.fits()

    page.locator("#result_list tr", has_text="Movie 5").get_by_role("button", name="Hide").click()
    page.wait_for_selector("text=“Movie 5” is hidden: it appears in no list.")
    assert Movie.objects.get(pk=5).hidden
    assert page.url.endswith("?genre=western&views_from=300")
    page.click("text=Undo")
    page.wait_for_selector("text=version 2 is reverted")
    assert not Movie.objects.get(pk=5).hidden

    window.open(f"{LIST}?genre=western&views_from=300")
    page.click("[aria-label='Remove the filter Western']")
    page.wait_for_selector("text=Export 6 filtered movies as")
    page.click("text=Clear all")
    page.wait_for_selector("text=Export all movies as")
    page.check(".action-select >> nth=0")
    page.wait_for_selector("text=1 of 8 selected")
    assert window.fits()
    assert window.errors == []


def test_a_conflict_keeps_mine_or_takes_theirs(visit: Open, width: int):
    movie("Kahaani", movie_id=1, action=100)
    window = visit(width)
    page = window.log_in(f"{LIST}1/change/")
    page.wait_for_selector("text=As the API answers it")
    page.click("summary:has-text('JSON')")
    assert '"title": "Kahaani"' in page.inner_text("#movie-json")
    assert window.fits()
    page.fill("[name=title]", "Mine")
    services.change_movie(actor="key:studio", movie_id=1, title="Theirs", profile=profile(horror=100))
    page.click("[name=_continue]")
    page.wait_for_selector("text=Your change and that of key:studio")
    assert (page.input_value("[name=title]"), page.input_value("[name=profile-horror]")) == ("Mine", "100")
    assert window.fits()
    title, genres = page.locator("[data-choice=title]"), page.locator("[data-choice=profile]")
    title.get_by_text("Take theirs").click()
    assert page.input_value("[name=title]") == "Theirs"
    title.get_by_text("Keep mine").click()
    assert page.input_value("[name=title]") == "Mine"
    genres.get_by_text("Keep mine").click()
    assert page.inner_text("[data-sum]") == "Total 100"
    assert page.input_value("[name=profile-action]") == "100"
    genres.get_by_text("Take theirs").click()
    page.click("[name=_continue]")
    page.wait_for_selector("text=was changed successfully")
    assert list(Movie.objects.values_list("title", "profile")) == [("Mine", profile(horror=100))]
    assert window.errors == []


def test_the_page_of_a_deleted_movie_restores_it(visit: Open, width: int):
    movie("Kahaani", movie_id=1, action=100)
    services.delete_movie(actor="key:studio", movie_id=1)
    window = visit(width)
    page = window.log_in(f"{LIST}1/change/")
    page.wait_for_selector("text=Movie 1 was deleted by key:studio")
    assert window.fits()
    page.click("text=Restore this movie")
    page.wait_for_selector("[name=title]")
    assert Movie.objects.get().title == "Kahaani"
    assert [error for error in window.errors if "404" not in error] == []
