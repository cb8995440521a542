"""The OpenAPI document: checked in, complete, and served without another host."""

import re
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


def test_the_page_asks_no_other_host_and_carries_no_script(plain_static_files: None, anybody: Caller):
    page = anybody("GET", "/tetraflix/docs")
    assert page.status_code == 200
    html = page.content.decode()
    assert re.findall(r"(?:src|href)=\"(?:https?:)?//[^\"]*", html) == []
    assert re.findall(r"<script>", html) == []
    script = anybody("GET", re.search(r'src="(/tetraflix/docs\?[^"]*)"', html)[1].replace("&amp;", "&"))  # type: ignore[index]
    assert script.status_code == 200
    assert "/tetraflix/schema" in script.content.decode()
