"""The admin in a browser, at the width of a desktop and of a phone."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from movies.bulk.file_format import heading, lines_of
from movies.genres import GENRES
from movies.inventory import services
from movies.models import Movie
from tests.api.calling import Caller
from tests.browser.conftest import Visit
from tests.movies.factories import movie, profile

WIDTHS = [1440, 390]
pytestmark = pytest.mark.parametrize("width", WIDTHS)
Open = Callable[[int], Visit]


def served(page: Page, movie_id: int) -> int:
    return page.request.get(page.url.split("/admin/")[0] + f"/tetraflix/movies/{movie_id}").status


def drawn(page: Page, name: str) -> int:
    """The number of colours in the chart of this name."""
    return page.evaluate(
        """name => {
            const canvas = document.querySelector(`[data-chart="${name}"]`);
            const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            const seen = new Set();
            for (let i = 0; i < data.length; i += 4)
                if (data[i + 3] === 255) seen.add(data.slice(i, i + 3).join());
            return seen.size;
        }""",
        name,
    )


def test_a_movie_is_found_edited_with_errors_and_without_and_hidden(visit: Open, width: int):
    movie("Lord of the Rings", movie_id=1, fantasy=60, action=40)
    movie("Kahaani", movie_id=2, thriller=100)
    window = visit(width)
    page = window.log_in("/admin/movies/movie/")
    assert window.fits()
    page.fill("#searchbar", "lord of the rigns")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=1 movie")
    page.click("#result_list a:has-text('Lord of the Rings')")

    page.wait_for_selector("text=Total 100")
    assert window.fits()
    page.fill("[name=profile-action]", "50")
    assert page.inner_text("[data-sum]") == "Total 110: 10 too many"
    page.fill("[name=profile-drama]", "x")
    assert page.inner_text("[data-sum]") == "Not a whole number from 0 to 100: Drama."
    page.click("[name=_continue]")
    page.wait_for_selector("text=Drama: A weight is a whole number from 0 to 100.")
    assert page.input_value("[name=profile-drama]") == "x"
    page.fill("[name=profile-drama]", "0")
    page.click("text=Scale to 100")
    assert page.inner_text("[data-sum]") == "Total 100"
    page.click("[name=_continue]")
    page.wait_for_selector("text=was changed successfully")
    assert Movie.objects.get(pk=1).profile == profile(action=45, fantasy=55)
    assert served(page, 1) == 200

    page.check("[name=hidden]", force=True)
    page.click("[name=_continue]")
    page.wait_for_selector("text=was changed successfully")
    assert served(page, 1) == 404
    window.open("/admin/movies/movie/1/history/")
    assert page.locator("tbody tr").count() == 3
    assert page.inner_text("tbody tr:nth-child(2) .tf-diff") == "Action: 40 → 45\nFantasy: 60 → 55"
    assert window.fits()
    assert window.errors == []


def test_all_matches_are_hidden_at_once_and_reverted(visit: Open, width: int):
    for number in range(60):
        movie(f"Movie {number}", movie_id=number + 1, drama=100)
    movie("Other", movie_id=99, horror=100)
    window = visit(width)
    page = window.log_in("/admin/movies/movie/")
    window.open("/admin/movies/movie/?genre=drama")
    page.check("#action-toggle", force=True)
    page.click("text=Select all 60 movies")
    page.select_option("select[name=action]", "hide")
    page.click("button:has-text('Run')")
    page.wait_for_selector("text=60 movies hidden.")
    assert Movie.objects.filter(hidden=True).count() == 60
    page.click("text=Undo")
    page.wait_for_selector("text=60 movies are as before.")
    assert Movie.objects.filter(hidden=True).count() == 0
    assert window.fits()
    assert window.errors == []


def test_the_history_is_filtered_and_a_change_in_it_reverted_and_undone(visit: Open, width: int):
    for number in range(1, 121):
        movie(f"Movie {number}", movie_id=number, drama=100)
    window = visit(width)
    page = window.log_in("/admin/movies/movie/")
    window.open("/admin/movies/movie/?genre=drama")
    page.check("#action-toggle", force=True)
    page.click("text=Select all 120 movies")
    page.select_option("select[name=action]", "hide")
    page.click("button:has-text('Run')")
    page.wait_for_selector("text=These are movies with Drama.")
    assert window.fits()
    page.click("text=Yes, hide 120 movies")
    page.wait_for_selector("text=120 movies hidden.")
    services.change_movie(actor="key:studio", movie_id=7, title="Else")

    window.open("/admin/movies/moviechange/")
    assert page.locator("tbody tr").count() == 50
    assert window.fits()
    page.select_option("[name=kind]", "hidden")
    page.click("button:has-text('Filter')")
    page.wait_for_selector("text=hid 120 movies with Drama")
    assert page.locator("tbody tr").count() == 1
    page.click("tbody button:has-text('Revert')")
    page.click("text=Yes, revert 120 changes")
    page.wait_for_selector("text=119 movies are as before.")
    assert page.locator("text=1 skipped, because they were changed since: movie 7.").is_visible()
    assert page.locator("text=Reverted by staff:boss").first.is_visible()
    assert page.locator("text=Revert this batch").count() == 0
    assert window.fits()

    window.open("/admin/movies/moviechange/?actor=key:studio")
    page.click("tbody button:has-text('Revert')")
    page.wait_for_selector("text=Movie 7: version 3 is reverted.")
    assert Movie.objects.get(pk=7).title == "Movie 7"
    page.click("text=Undo")
    page.wait_for_selector("text=Movie 7: version 4 is reverted.")
    assert Movie.objects.get(pk=7).title == "Else"
    window.open("/admin/movies/movie/7/history/")
    page.click("text=Restore this version >> nth=-1")
    page.wait_for_selector("text=Movie 7: version 1 is restored.")
    assert (Movie.objects.get(pk=7).title, Movie.objects.get(pk=7).hidden) == ("Movie 7", False)
    assert window.fits()
    assert window.errors == []


def test_an_import_names_its_bad_rows_and_a_good_one_is_applied(visit: Open, tmp_path: Path, width: int):
    movie("Kahaani", movie_id=1, thriller=100)
    good = (1, "Kahaani 2", False, profile(thriller=100))
    bad = [(2, "", False, profile(drama=100)), (3, "Too much", False, [100] * 15)]
    (tmp_path / "bad.csv").write_bytes(heading("csv") + lines_of([good, *bad], "csv"))
    (tmp_path / "good.csv").write_bytes(heading("csv") + lines_of([good], "csv"))
    window = visit(width)
    page = window.log_in("/admin/movies/movie/import/")
    page.set_input_files("[name=file]", tmp_path / "bad.csv")
    page.click("text=Check the file")
    page.wait_for_selector("text=Nothing was applied.")
    rows = page.locator(".tf-table tbody tr").all_inner_texts()
    assert [row.replace("\n", "\t") for row in rows] == [
        "3\ttitle\tA title is needed.",
        f"4\taction\tThe weights sum to 1500, not 100: {', '.join(f'{genre} 100' for genre in GENRES)}.",
    ]
    assert window.fits()
    page.click("text=Upload a corrected file")
    page.set_input_files("[name=file]", tmp_path / "good.csv")
    page.click("text=Check the file")
    page.wait_for_selector("text=All 1")
    assert Movie.objects.get().title == "Kahaani"
    page.click("text=Apply import")
    page.wait_for_selector("text=View the changes")
    assert Movie.objects.get().title == "Kahaani 2"
    assert window.errors == []


def test_a_user_is_looked_up_and_movies_are_removed_and_dismissed(visit: Open, width: int):
    movie("Kahaani", movie_id=1, thriller=100)
    movie("Lord of the Rings", movie_id=2, fantasy=100)
    service = Caller("service")
    begun = {"movie": {"id": 1}, "progress": 0.3}
    service("POST", "/tetraflix/sessionData", {"userId": 7, "events": [begun]})
    service("POST", "/tetraflix/userRecs", {"userId": 7, "rec": [1, 2]})
    window = visit(width)
    page = window.log_in("/admin/recommendations/userlists/")
    page.fill("#user", "7")
    page.click("text=Look up")
    page.wait_for_selector("text=Not shown: it is being watched.")
    assert page.get_attribute(".tf-progress", "aria-label") == "30% watched"
    page.fill("#movie", "kahanai")
    page.click("text=Explain")
    page.click(".tf-reasons a:has-text('Kahaani')")
    page.wait_for_selector(".tf-reasons :text('Is in currently watching')")
    assert page.inner_text(".tf-reasons li:first-child").startswith("Is in currently watching (30%")
    assert window.fits()
    page.get_by_role("button", name="Remove Kahaani").click()
    page.wait_for_selector("text=“Kahaani” was removed from currently watching.")
    page.get_by_role("button", name="Bring back Kahaani").wait_for()
    page.get_by_role("button", name="Not for me Lord of the Rings").click()
    page.wait_for_selector(
        "text=“Lord of the Rings” was dismissed: the user is not shown it until that is undone."
    )
    assert window.fits()
    page.get_by_role("button", name="Undo Lord of the Rings").click()
    page.wait_for_selector("text=“Lord of the Rings” is not dismissed any more.")
    assert window.errors == []
