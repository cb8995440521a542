"""The examples of the OpenAPI document: the service gives each of them as its answer to such a request."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pytest_django import Settings

from movies.models import Movie
from movies.viewing import popularity
from recommendations import stores
from recommendations.experiments import lifecycle
from recommendations.experiments.plan import Plan
from recommendations.lists import MAX_DISMISSED
from recommendations.user_lists import UserLists
from tests.api.calling import NO_SUCH_KEY, Caller
from tests.movies.factories import movie

pytestmark = pytest.mark.django_db
DOCUMENT = yaml.safe_load((Path(__file__).parents[2] / "docs" / "openapi.yaml").read_text())
OPERATIONS = {
    operation["operationId"]: (method.upper(), path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
# Examples that need a store that does not answer, or two requests at once. Both have tests of their own.
ELSEWHERE = {("addMovies", "409"), *((name, "503") for name in OPERATIONS)}
TOO_MUCH = [39, 1, 0, 0, 0, 0, 61, 0, 0, 0, 0, 0, 0, 0, 0]


def bodies(name: str) -> list[Any]:
    """The examples of the operation's body."""
    content = OPERATIONS[name][2].get("requestBody", {}).get("content", {})
    return [example["value"] for kind in content.values() for example in kind["examples"].values()]


class Service:
    """The service with movies 7, 8 and 9, called as the document says."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.callers = {
            "distributorKey": Caller("distributor"),
            "serviceKey": Caller("service"),
            "": Caller(),
        }
        movie("Lord of the Rings", movie_id=7, action=40, fantasy=60)
        movie("Kahaani", movie_id=8, drama=30, thriller=70)
        movie("Solaris", movie_id=9, sci_fi=100)
        popularity.refresh()

    def call(self, name: str, body: Any = None, caller: Caller | None = None, **headers: Any) -> Any:
        """Calls the operation with its examples; `path`, `query` and `body` replace some of them."""
        method, path, operation = OPERATIONS[name]
        query, another = headers.pop("query", None), headers.pop("path", None)
        wanted = {}
        for parameter in operation["parameters"]:
            example = parameter["schema"].get("example")
            if parameter["in"] == "path":
                path = path.replace(f"{{{parameter['name']}}}", str(example))
            elif example is not None:
                wanted[parameter["name"]] = example
        wanted |= query or {}
        if body is None:
            body = next(iter(bodies(name)), None)
        security = operation.get("security", [])
        key = next(iter(security[0]), "") if security else ""
        words = "&".join(f"{name}={value}" for name, value in wanted.items())
        address = (another or path) + (f"?{words}" if words else "")
        return (caller or self.callers[key])(method, address, body, **headers)

    def other(self, name: str) -> Caller:
        """A caller whose key has the other role."""
        needed = next(iter(OPERATIONS[name][2]["security"][0]))
        return self.callers["serviceKey" if needed == "distributorKey" else "distributorKey"]


@pytest.fixture
def service(settings: Settings) -> Service:
    return Service(settings)


Case = Callable[[Service], Any]


def success(name: str) -> Case:
    return lambda service: service.call(name)


def watching(service: Service) -> None:
    """User 5 is watching movie 7, and movie 8 is recommended."""
    assert service.call("postRecommendations", {"userId": 5, "rec": [8]}).status_code == 201
    events = [{"movie": {"id": 7}, "progress": 0.3}]
    assert service.call("postSession", {"userId": 5, "events": events}).status_code == 201


def at_version_3(service: Service) -> None:
    for title in ("Lord of the Rings 2", "Lord of the Rings"):
        assert service.call("patchMovie", {"title": title}).status_code == 200


def after(prepare: Callable[[Service], Any], then: Case) -> Case:
    def case(service: Service) -> Any:
        prepare(service)
        return then(service)

    return case


def another_request(name: str) -> Case:
    """The same Idempotency-Key with another body."""

    def case(service: Service) -> Any:
        service.call(name, Idempotency_Key="k")
        return service.call(name, [], Idempotency_Key="k")

    return case


def no_movies(service: Service) -> None:
    Movie.objects.all().delete()


def full(service: Service) -> None:
    dismissed = tuple(range(1_001, 1_001 + MAX_DISMISSED))
    stores.current().write([(5, UserLists(dismissed=dismissed))])


MOVIE = {"title": "Lord of the Rings", "profile": TOO_MUCH}
CASES: dict[tuple[str, str], Case] = {
    ("getRecommendations", "200"): after(watching, success("getRecommendations")),
    ("getRecommendations", "404"): lambda s: s.call(
        "getRecommendations", path="/tetraflix/recommendations/x"
    ),
    ("getGenre", "200"): success("getGenre"),
    ("getGenre", "400"): lambda s: s.call("getGenre", query={"limit": 101}),
    ("getGenre", "404"): lambda s: s.call("getGenre", path="/tetraflix/genre/opera"),
    ("listMovies", "200"): success("listMovies"),
    ("listMovies", "400"): lambda s: s.call("listMovies", query={"limit": 101}),
    ("getMovie", "200"): lambda s: s.call("getMovie"),
    ("getMovie", "404"): after(no_movies, success("getMovie")),
    ("addMovies", "201"): after(no_movies, success("addMovies")),
    ("addMovies", "400"): lambda s: s.call("addMovies", MOVIE),
    ("addMovies", "422"): another_request("addMovies"),
    ("putMovie", "200"): success("putMovie"),
    ("putMovie", "400"): lambda s: s.call("putMovie", MOVIE),
    ("putMovie", "404"): after(no_movies, success("putMovie")),
    ("putMovie", "409"): after(
        at_version_3,
        lambda s: s.call("putMovie", {"title": "x", "profile": [100] + [0] * 14, "version": 2}),
    ),
    ("putMovie", "412"): after(at_version_3, lambda s: s.call("putMovie", If_Match='"2"')),
    ("patchMovie", "200"): success("patchMovie"),
    ("patchMovie", "400"): lambda s: s.call("patchMovie", {"profile": TOO_MUCH}),
    ("patchMovie", "404"): after(no_movies, success("patchMovie")),
    ("patchMovie", "409"): after(at_version_3, lambda s: s.call("patchMovie", {"version": 2})),
    ("patchMovie", "412"): after(at_version_3, lambda s: s.call("patchMovie", If_Match='"2"')),
    ("deleteMovie", "400"): lambda s: s.call("deleteMovie", If_Match="7"),
    ("deleteMovie", "404"): after(no_movies, success("deleteMovie")),
    ("deleteMovie", "412"): after(at_version_3, lambda s: s.call("deleteMovie", If_Match='"2"')),
    ("postSession", "201"): success("postSession"),
    ("postSession", "400"): lambda s: s.call(
        "postSession", {"userId": 5, "events": [{"movie": {"id": 7}, "progress": 7}]}
    ),
    ("postSession", "422"): another_request("postSession"),
    ("postRecommendations", "201"): success("postRecommendations"),
    ("postRecommendations", "400"): lambda s: s.call("postRecommendations", {"userId": 5}),
    ("postRecommendations", "422"): another_request("postRecommendations"),
    ("takeOff", "404"): success("takeOff"),
    ("bringBack", "404"): success("bringBack"),
    ("dismiss", "404"): after(no_movies, success("dismiss")),
    ("dismiss", "409"): after(full, success("dismiss")),
    ("undoDismissal", "404"): after(no_movies, success("undoDismissal")),
    ("getPreferences", "200"): after(success("givePreferences"), success("getPreferences")),
    ("getPreferences", "404"): success("getPreferences"),
    ("givePreferences", "201"): success("givePreferences"),
    ("givePreferences", "400"): lambda s: s.call("givePreferences", TOO_MUCH),
    ("givePreferences", "404"): lambda s: s.call("givePreferences", path="/tetraflix/preferences/x"),
    ("givePreferences", "409"): after(success("givePreferences"), success("givePreferences")),
    ("getExperiment", "200"): after(
        lambda s: lifecycle.create("taste-2026-11", Plan("s"), actor="x"), success("getExperiment")
    ),
    ("getExperiment", "404"): success("getExperiment"),
}


def common(name: str, status: str) -> Case | None:
    """The request that gives an error of many operations."""
    key_is_optional = {} in OPERATIONS[name][2].get("security", [])
    most = 2**20 if name.startswith("post") else 4 * 2**20

    def without_a_valid_key(service: Service) -> Any:
        unknown = Caller(authorization=f"Bearer {NO_SUCH_KEY}")
        return service.call(name, caller=unknown if key_is_optional else Caller())

    def too_often(service: Service) -> Any:
        service.settings.WRITES_PER_MINUTE = 0
        return service.call(name)

    cases: dict[str, Case] = {
        "401": without_a_valid_key,
        "403": lambda service: service.call(name, caller=service.other(name)),
        "411": lambda service: service.call(name, b"", Transfer_Encoding="chunked"),
        "413": lambda service: service.call(name, b"[" * (most + 1)),
        "415": lambda service: service.call(name, b"x", content_type="text/plain"),
        "429": too_often,
    }
    return cases.get(status)


EXAMPLES = [
    (name, status)
    for name, (_, _, operation) in OPERATIONS.items()
    for status, response in operation["responses"].items()
    if "content" in response and (name, status) not in ELSEWHERE
]


def test_every_example_has_a_request_here():
    assert set(CASES) <= set(EXAMPLES)
    assert [key for key in EXAMPLES if key not in CASES and not common(*key)] == []


@pytest.mark.parametrize(("name", "status"), EXAMPLES, ids=lambda part: part)
def test_the_service_gives_this_example(service: Service, name: str, status: str):
    response = OPERATIONS[name][2]["responses"][status]
    (example,) = response["content"]["application/json"]["examples"].values()
    case = CASES.get((name, status)) or common(name, status)
    assert case
    answer = case(service)
    assert str(answer.status_code) == status, answer.content
    assert comparable(name, answer.json()) == comparable(name, example["value"])


def comparable(name: str, value: Any) -> Any:
    """What must be equal: not the id of a new movie, the seconds to wait, nor the numbers of an experiment."""
    if name == "getExperiment" and "arms" in value:
        return sorted(value)
    if name == "addMovies" and "id" in value:
        return {**value, "id": 0}
    if "throttled" in value.get("detail", ""):
        return re.sub(r"\d+ seconds?", "n seconds", value["detail"])
    return value


@pytest.mark.parametrize(
    ("name", "body"),
    [(name, body) for name in OPERATIONS for body in bodies(name)],
    ids=lambda part: str(part)[:40],
)
def test_the_service_accepts_this_example_of_a_body(service: Service, name: str, body: Any):
    assert service.call(name, body).status_code in {200, 201}


@pytest.mark.parametrize("name", [name for name in OPERATIONS if "204" in OPERATIONS[name][2]["responses"]])
def test_a_call_without_an_answer_accepts_the_examples(service: Service, name: str):
    watching(service)
    assert service.call(name).status_code == 204
