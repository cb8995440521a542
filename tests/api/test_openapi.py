"""The OpenAPI document: checked in, complete, and served without another host."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.urls import get_resolver
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer

from tests.api.calling import Caller

pytestmark = pytest.mark.django_db
CHECKED_IN = Path(__file__).parents[2] / "docs" / "openapi.yaml"
NOT_DESCRIBED = {"tetraflix/schema", "tetraflix/docs", "tetraflix/{rest}"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return yaml.safe_load(CHECKED_IN.read_text())


def test_the_document_checked_in_is_that_of_the_code():
    generated = OpenApiYamlRenderer().render(SchemaGenerator().get_schema(request=None, public=True))
    assert CHECKED_IN.read_bytes() == generated, "docs/openapi.yaml is out of date: make schema"


def test_the_served_document_is_the_one_checked_in(anybody: Caller, document: dict[str, Any]):
    assert anybody("GET", "/tetraflix/schema").json() == document


def test_every_address_is_described(document: dict[str, Any]):
    routes = {
        re.sub(r"<\w+:(\w+)>", r"{\1}", str(pattern.pattern))
        for pattern in get_resolver().url_patterns
        if str(pattern.pattern).startswith("tetraflix/")
    }
    assert {f"/{route}" for route in routes - NOT_DESCRIBED} == set(document["paths"])


def test_every_answer_with_a_body_has_an_example(document: dict[str, Any]):
    without = [
        (path, method, status)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        for status, answer in operation["responses"].items()
        for content in answer.get("content", {}).values()
        if "examples" not in content
    ]
    assert without == []


def test_reads_are_open_and_writes_need_a_key_of_their_role(document: dict[str, Any]):
    assert {operation["operationId"]: keys_of(operation) for operation in operations(document)} == {
        "getRecommendations": [],
        "getGenre": [],
        "listMovies": ["none", "distributorKey"],
        "getMovie": ["none", "distributorKey"],
        "addMovies": ["distributorKey"],
        "putMovie": ["distributorKey"],
        "patchMovie": ["distributorKey"],
        "deleteMovie": ["distributorKey"],
        "postSession": ["serviceKey"],
        "postRecommendations": ["serviceKey"],
        "takeOff": ["serviceKey"],
        "bringBack": ["serviceKey"],
        "dismiss": ["serviceKey"],
        "undoDismissal": ["serviceKey"],
        "getPreferences": ["serviceKey"],
        "givePreferences": ["serviceKey"],
        "getExperiment": ["serviceKey"],
    }


def test_reads_need_any_key_where_the_setting_says_so():
    made = subprocess.run(
        [sys.executable, "manage.py", "spectacular", "--format", "openapi-json"],
        cwd=CHECKED_IN.parents[1],
        env=os.environ | {"READS_NEED_KEY": "on"},
        capture_output=True,
        check=True,
    )
    for operation in operations(json.loads(made.stdout)):
        if operation["tags"] == ["For clients"]:
            assert keys_of(operation) == ["distributorKey", "serviceKey"]
            assert "401" in operation["responses"]


def test_an_operation_lists_success_first(document: dict[str, Any]):
    for operation in operations(document):
        statuses = list(operation["responses"])
        assert statuses == sorted(statuses)


def operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for methods in document["paths"].values() for operation in methods.values()]


def keys_of(operation: dict[str, Any]) -> list[str]:
    """The keys that each do; "none" where the call may come without one."""
    return [next(iter(way), "none") for way in operation.get("security", [])]
