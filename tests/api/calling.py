"""Callers of the API, each with a key or none, and fixtures for one of each kind."""

import json
from typing import Any

import pytest
from django.test import Client

from movies.genres import GENRES
from tetraflix.access.api_keys import create_key
from tetraflix.models import ApiKey

NO_SUCH_KEY = "tfd_2222222222_" + "x" * 43
PROFILE = {genre: {"action": 40, "fantasy": 60}.get(genre, 0) for genre in GENRES}
LORD = {"title": "Lord of the Rings", "profile": PROFILE}


class Caller:
    """Sends requests with a new key of the role, with the given header, or without a key."""

    def __init__(self, role: str | None = None, *, authorization: str = "") -> None:
        self.key = create_key(name=_free_name(f"the {role}"), role=role)[1] if role else ""
        self.authorization = authorization or (f"Bearer {self.key}" if role else "")
        self.client = Client(raise_request_exception=False)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """`body`: a value that is encoded as JSON, or bytes sent as they are. `headers`: `If_Match="7"`."""
        content: dict[str, Any] = {}
        if body is not None:
            content = {"data": body, "content_type": headers.pop("content_type", "application/json")}
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.authorization:
            sent["Authorization"] = self.authorization
        return self.client.generic(method, path, **_encoded(content), headers=sent)


@pytest.fixture
def distributor(db: None) -> Caller:
    return Caller("distributor")


@pytest.fixture
def service(db: None) -> Caller:
    return Caller("service")


@pytest.fixture
def anybody(db: None) -> Caller:
    """A caller without a key."""
    return Caller()


def _free_name(name: str) -> str:
    """The name, or `<name> 2` and so on when a key in use has it."""
    same = ApiKey.objects.filter(name__startswith=name, revoked_at=None).count()
    return f"{name} {same + 1}" if same else name


def _encoded(content: dict[str, Any]) -> dict[str, Any]:
    if "data" in content and not isinstance(content["data"], bytes):
        content["data"] = json.dumps(content["data"])
    return content


def movie_of(response: Any) -> dict[str, Any]:
    """The movie in the answer as every client sees it."""
    return {field: response.json()[field] for field in ("id", "title", "profile", "progress")}
