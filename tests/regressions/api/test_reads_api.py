"""HTTP semantics of the movies API: versions, preconditions, links, formats, errors."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from movies.models import Movie
from tests.api.calling import LORD, NO_SUCH_KEY, Caller
from tests.movies.factories import movie
from tests.statements import sent_statements

pytestmark = pytest.mark.django_db
MOVIES = "/tetraflix/movies"
READS = [MOVIES, f"{MOVIES}/7", "/tetraflix/genre/drama", "/tetraflix/recommendations/5"]


@pytest.fixture
def address(distributor: Caller) -> str:
    """The address of a movie at version 3."""
    address = distributor("POST", MOVIES, LORD)["Location"]
    for title in ("Kahaani", "Heat"):
        distributor("PATCH", address, {"title": title})
    return address


# -- C1: a read returns what a safe update needs ------------------------------------------------------


def test_a_movie_is_read_with_its_version_as_etag(address: str, anybody: Caller, distributor: Caller):
    """C1: every client reads the version; a distributor reads it in the body too, and hidden movies."""
    read = anybody("GET", address)
    assert (read.status_code, read["ETag"], "version" in read.json()) == (200, '"3"', False)
    read = distributor("GET", address)
    assert (read["ETag"], read.json()["hidden"], read.json()["version"]) == ('"3"', False, 3)
    assert distributor("PATCH", address, {"hidden": True}, If_Match=read["ETag"]).status_code == 200
    assert anybody("GET", address).status_code == 404
    read = distributor("GET", address)
    assert (read.status_code, read["ETag"]) == (200, '"4"')
    assert (read.json()["hidden"], read.json()["title"], read.json()["version"]) == (True, "Heat", 4)
    distributor("DELETE", address)
    assert distributor("GET", address).status_code == 404


def test_a_hidden_movie_stays_hidden_for_every_other_caller(
    service: Caller, anybody: Caller, settings: Settings
):
    movie("Secret", movie_id=7, hidden=True)
    for needs_key in (False, True):
        settings.READS_NEED_KEY = needs_key
        assert service("GET", f"{MOVIES}/7").status_code == 404
        assert service("GET", f"{MOVIES}?q=secret").json()["movies"] == []
        assert service("GET", MOVIES).json()["movies"] == []
    settings.READS_NEED_KEY = False
    assert anybody("GET", MOVIES).json()["movies"] == []


def test_a_movie_as_a_distributor_read_it_can_be_sent_back_by_put(address: str, distributor: Caller):
    distributor("PATCH", address, {"hidden": True})
    read = distributor("GET", address)
    put = distributor("PUT", address, {**read.json(), "title": "Alien"}, If_Match=read["ETag"])
    assert (put.status_code, put.json()) == (200, {**read.json(), "title": "Alien", "version": 5})
    assert distributor("GET", address).json() == put.json()
    assert distributor("PUT", address, read.json()).status_code == 409  # the body's version is outdated


@pytest.mark.parametrize("needs_key", [False, True])
@pytest.mark.parametrize(
    "query",
    ["", "?q=heat", "?q=heat&ordering=-title", "?genre=drama", "?ordering=-popularity", "?ordering=updated"],
)
def test_a_distributor_lists_hidden_movies_too_page_by_page(
    distributor: Caller, anybody: Caller, settings: Settings, query: str, needs_key: bool
):
    stored = [movie(f"Heat {n}", hidden=n % 3 == 0, drama=50, western=50) for n in range(7)]
    movie("Alien", hidden=True, comedy=100)
    settings.READS_NEED_KEY = needs_key
    found: list[dict[str, Any]] = []
    link = f"{MOVIES}{query}{'&' if query else '?'}limit=2"
    while link:
        page = distributor("GET", link).json()
        found += page["movies"]
        link = page["next"]
    heats = {one["id"]: one for one in found if one["title"] != "Alien"}
    assert {movie_id: (one["hidden"], one["version"]) for movie_id, one in heats.items()} == {
        one.id: (one.hidden, one.version) for one in stored
    }
    assert len(heats) == len([one for one in found if one["title"] != "Alien"])
    assert heats[stored[0].id] == distributor("GET", f"{MOVIES}/{stored[0].id}").json()
    settings.READS_NEED_KEY = False
    visible = {one.id for one in stored if not one.hidden}
    assert {one["id"] for one in anybody("GET", f"{MOVIES}{query}").json()["movies"]} == visible


@pytest.mark.parametrize("path", [MOVIES, f"{MOVIES}/7"])
@pytest.mark.parametrize("header", [f"Bearer {NO_SUCH_KEY}", "Bearer", "Basic dXNlcjpwYXNz"])
def test_a_key_that_is_sent_where_it_shows_more_must_be_valid(path: str, header: str):
    movie(movie_id=7)
    answer = Caller(authorization=header)("GET", path)
    assert (answer.status_code, list(answer.json())) == (401, ["detail"])
    assert answer["WWW-Authenticate"] == 'Bearer realm="tetraflix"'


def test_a_read_without_a_key_costs_one_statement(anybody: Caller):
    movie(movie_id=7)
    anybody("GET", f"{MOVIES}/7")
    with sent_statements() as sent:
        anybody("GET", f"{MOVIES}/7")
    assert len(sent) == 1, sent


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("header", "status"),
    [
        ('"3"', 304),
        ('"2", "3"', 304),
        ('W/"3"', 304),
        ("*", 304),
        ('"2"', 200),
        ('"03"', 200),
        ("3", 200),
        ('"3" "4"', 200),
        ("", 200),
    ],
)
def test_a_reader_that_has_the_version_gets_304(
    address: str, anybody: Caller, distributor: Caller, method: str, header: str, status: int
):
    for caller in (anybody, distributor):
        answer = caller(method, address, If_None_Match=header)
        assert (answer.status_code, answer["ETag"]) == (status, '"3"')
        assert answer["Cache-Control"] == "private, no-cache"
        assert answer["Vary"] == "Authorization"
        assert bool(answer.content) == (status == 200 and method == "GET")


# -- C2: If-Match takes a list ---------------------------------------------------------------------


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    ("header", "fits"),
    [
        ('"2", "3"', True),
        ('"3"', True),
        ("*", True),
        ('"3","nonsense,with-a-comma"', True),
        (' , "1" ,, \t"3",', True),
        ('W/"3", "3"', True),
        ('"2"', False),
        ('W/"3"', False),
        ('"1", "2"', False),
        ('"03", "+3", "3.0"', False),
        ('""', False),
        ('"abc"', False),
        (f'"{"9" * 400}"', False),
        ('"é"', False),
    ],
)
def test_if_match_takes_one_or_several_entity_tags(
    address: str, distributor: Caller, method: str, header: str, fits: bool
):
    """C2: any tag that fits lets the change happen; weak and foreign tags fit nothing."""
    answer = distributor(method, address, None if method == "DELETE" else LORD, If_Match=header)
    if fits:
        assert answer.status_code == (204 if method == "DELETE" else 200)
        return
    assert answer.status_code == 412
    assert answer.json()["detail"].endswith("was changed meanwhile: it is at version 3.")
    assert Movie.objects.get().version == 3


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "header",
    ["3", "", ",", '"3', '3"', '"3" "4"', "'3'", '"2", *', "**", 'w/"3"', 'W/ "3"', '"3"; "4"', '"a b"'],
)
def test_a_malformed_if_match_is_400_and_named(address: str, distributor: Caller, method: str, header: str):
    answer = distributor(method, address, None if method == "DELETE" else LORD, If_Match=header)
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("If-Match: ")
    assert list(answer.json()["errors"]) == ["If-Match"]
    assert Movie.objects.get().version == 3


def test_the_bodys_version_and_if_match_must_both_fit(address: str, distributor: Caller):
    assert distributor("PATCH", address, {"title": "A", "version": 2}, If_Match='"2", "3"').status_code == 409
    assert distributor("PATCH", address, {"title": "A", "version": 3}, If_Match='"2"').status_code == 412
    assert distributor("PATCH", address, {"title": "A", "version": 2}, If_Match="*").status_code == 409
    assert distributor("PATCH", address, {"title": "A", "version": 3}, If_Match='"2", "3"').status_code == 200


@pytest.mark.parametrize("header", ['"1"', "*"])
def test_a_movie_that_does_not_exist_is_404_whatever_is_expected_of_it(distributor: Caller, header: str):
    for method, body in [("PUT", LORD), ("PATCH", {}), ("DELETE", None)]:
        assert distributor(method, f"{MOVIES}/999", body, If_Match=header).status_code == 404


# -- C6: links hold behind any proxy ---------------------------------------------------------------

PROXIED = {
    "Host": "app:8000",
    "X-Forwarded-Host": "api.example.org",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Prefix": "/v1",
    "Forwarded": "host=api.example.org;proto=https",
}


def test_links_are_relative_to_the_service_whatever_a_proxy_says(distributor: Caller, settings: Settings):
    """C6: next, previous and Location name neither scheme nor host."""
    settings.ALLOWED_HOSTS = ["app"]
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    key = {"Authorization": distributor.authorization}
    client = Client(headers={**PROXIED, **key})
    for title in ("One", "Two & 2", "Two & 3"):
        answer = client.post(MOVIES, {**LORD, "title": title}, content_type="application/json")
        assert answer["Location"] == f"{MOVIES}/{answer.json()['id']}"
        assert client.get(answer["Location"]).json()["title"] == title
    for query in ("limit=1", "limit=1&q=%26+two", "limit=1&ordering=-title&genre=action"):
        page = client.get(f"{MOVIES}?{query}").json()
        assert page["next"].startswith(f"{MOVIES}?")
        following = client.get(page["next"]).json()
        assert following["movies"] != page["movies"]
        assert following["previous"].startswith(f"{MOVIES}?")
        assert client.get(following["previous"]).json()["movies"] == page["movies"]


def test_the_documents_name_no_host(anybody: Caller):
    document = anybody("GET", "/tetraflix/schema", Host="app:8000")
    assert "servers" not in document.json()
    assert b"://app" not in document.content


# -- B6: there is one format -----------------------------------------------------------------------

ACCEPTS = ["application/xml", "text/html", "image/*;q=0.1", "application/json;q=0", "nonsense", ""]


@pytest.mark.parametrize("accept", ACCEPTS)
@pytest.mark.parametrize("needs_key", [False, True])
def test_accept_changes_no_answer(service: Caller, settings: Settings, accept: str, needs_key: bool):
    """B6: the four reads answer the same as without the header, with and without READS_NEED_KEY."""
    movie(movie_id=7)
    settings.READS_NEED_KEY = needs_key
    for path in [*READS, f"{MOVIES}/999", f"{MOVIES}?limit=x", "/tetraflix/genre/noir", "/tetraflix/nothing"]:
        usual = service("GET", path)
        answer = service("GET", path, Accept=accept)
        assert (answer.status_code, answer.content) == (usual.status_code, usual.content)
        assert answer["Content-Type"] == "application/json"
        assert service("GET", f"{path}{'&' if '?' in path else '?'}format=xml").status_code != 406


@pytest.mark.parametrize("accept", ACCEPTS)
def test_a_write_without_a_key_is_401_whatever_it_accepts(anybody: Caller, distributor: Caller, accept: str):
    for method, path in [("POST", MOVIES), ("PATCH", f"{MOVIES}/7"), ("POST", "/tetraflix/sessionData")]:
        answer = anybody(method, path, LORD, Accept=accept)
        assert (answer.status_code, list(answer.json())) == (401, ["detail"])
    assert distributor("POST", MOVIES, LORD, Accept=accept).status_code == 201
    assert distributor("POST", MOVIES, {}, Accept=accept).status_code == 400


@pytest.mark.parametrize(
    "method", ["OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "INITIAL"]
)
@pytest.mark.parametrize("path", [*READS, "/tetraflix/nothing", "/tetraflix/sessionData"])
def test_the_setting_changes_no_answer_but_that_of_reads(
    anybody: Caller, settings: Settings, method: str, path: str
):
    movie(movie_id=7)
    answers = []
    for needs_key in (False, True):
        settings.READS_NEED_KEY = needs_key
        answer = anybody(method, path, {})
        answers.append((answer.status_code, answer.json()))
        assert "detail" in answer.json()
    assert answers[0] == answers[1]
    assert answers[0][0] in (401, 404, 405)


# -- every error is JSON with a detail -------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/tetraflix", 404),
        ("GET", "/tetraflix/", 404),
        ("GET", "/tetraflix/movies/", 404),
        ("GET", "/tetraflix/movies/7/8", 404),
        ("GET", "/tetraflix/movies/%00", 404),
        ("GET", "/tetraflix/genre/%ff", 404),
        ("POST", "/tetraflix/genre/drama", 405),
        ("POST", "/tetraflix/schema", 405),
        ("POST", "/tetraflix/docs", 405),
        ("DELETE", "/tetraflix/nothing", 404),
    ],
)
def test_an_unknown_address_or_method_is_a_json_error(anybody: Caller, method: str, path: str, status: int):
    answer = anybody(method, path)
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/json")
    assert list(answer.json()) == ["detail"]
