"""Error pages: a sentence and ways on, inside the admin for staff, and bare elsewhere."""

import pytest
from django.test import Client, RequestFactory

from tetraflix.web import error_responses


def test_an_unknown_address_of_the_admin_leads_back_to_the_page_above(viewer: Client):
    response = viewer.get("/admin/movies/movie/nothing/here/at/all")
    page = response.content.decode()
    assert response.status_code == 404
    assert "There is nothing at /admin/movies/movie/nothing/here/at/all." in page
    assert '<a class="tf-button tf-main" href="/admin/movies/movie/">Movies</a>' in page
    assert '<a class="tf-button" href="/admin/">Dashboard</a>' in page
    assert 'id="nav-sidebar"' in page


def test_a_page_says_why_something_is_not_there(viewer: Client):
    page = viewer.get("/admin/recommendations/userlists/x/").content.decode()
    assert "A user is a whole number from 1 to 9223372036854775807." in page


def test_what_a_role_forbids_names_the_person_and_the_role(viewer: Client):
    response = viewer.get("/admin/movies/movie/import/")
    assert response.status_code == 403
    sentence = "vic (role: viewer) may not do this. A superuser can change roles under Staff."
    assert sentence in response.content.decode()


@pytest.mark.django_db
def test_elsewhere_the_page_stands_alone():
    response = Client().get("/nothing/<b>here")
    page = response.content.decode()
    assert response.status_code == 404
    assert "<h1>Page not found</h1>" in page
    assert "There is nothing at /nothing/&lt;b&gt;here." in page
    assert '<a href="/">Front page</a>' in page
    assert "nav-sidebar" not in page


def test_a_form_without_a_token_says_what_to_do(viewer: Client):
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = viewer.cookies
    response = strict.post("/admin/logout/")
    assert response.status_code == 403
    page = response.content.decode()
    assert "This form has expired" in page
    assert "Nothing was changed. Go back, reload the page and send the form again." in page


def test_an_internal_error_gives_the_request_id(viewer: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("movies.admin.job_pages.Job.objects", None)
    viewer.raise_request_exception = False
    response = viewer.get("/admin/movies/job/", headers={"X-Request-Id": "me-1"})
    assert response.status_code == 500
    assert "with the request id me-1. Try again, or report this id." in response.content.decode()


def test_a_request_that_cannot_be_read_is_answered_with_a_page():
    response = error_responses.bad_request(RequestFactory().get("/"), Exception())
    assert (response.status_code, b"The server cannot read this request." in response.content) == (400, True)
