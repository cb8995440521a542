"""The saved objects for Kibana match the recorded activity: each panel's aggregation runs on the live mapping."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from elasticsearch import Elasticsearch
from pytest_django import Settings

from movies.foundation.events import Activity
from movies.genres import GENRES
from movies.models import Movie
from tetraflix.analytics import shipping
from tetraflix.analytics.indices import PREFIX

FILE = Path(settings.BASE_DIR) / "kibana" / "activity.ndjson"
OBJECTS: list[dict[str, Any]] = [json.loads(line) for line in FILE.read_text().splitlines()]
PANELS = [saved for saved in OBJECTS if saved["type"] == "visualization"]
AT = datetime(2026, 11, 24, 12, 0, 30, tzinfo=UTC)


@pytest.fixture
def elasticsearch(elasticsearch_url: str, settings: Settings, db: None) -> Iterator[Elasticsearch]:
    """The live server with some activity in it."""
    settings.ELASTICSEARCH_URL = elasticsearch_url
    shipping.ensure_daily_index.cache_clear()
    comedy = Movie.objects.create(title="Heat", profile=[0, 0, 60, 0, 40] + 10 * [0]).id
    with Elasticsearch(elasticsearch_url, request_timeout=60) as client:
        client.indices.delete(index=f"{PREFIX}*")
        at = AT.timestamp()
        records = [
            Activity("user-data", 1, 40, at),
            Activity("user-data", 2, 40, at + 60),
            Activity("genre-data", "comedy", 20, at),
            Activity("genre-data", "comedy", 20, at),
            Activity("genre-data", "drama", 20, at),
            Activity("session-data", 1, 3, at, progress=[0.25, 0.31, 1], viewed=[comedy]),
            Activity("session-data", 2, 1, at + 60, progress=[1], viewed=[comedy]),
            Activity("recs-data", 1, 20, at),
        ]
        assert shipping.ship(records, "kibana") == 0
        client.indices.refresh(index=f"{PREFIX}*")
        yield client
        client.indices.delete(index=f"{PREFIX}*")


def test_every_object_is_unique_and_every_reference_exists():
    known = [(saved["type"], saved["id"]) for saved in OBJECTS]
    assert len(set(known)) == len(known)
    assert sorted(saved_type for saved_type, _ in known) == [
        "dashboard",
        "index-pattern",
        *4 * ["visualization"],
    ]
    for saved in OBJECTS:
        assert {(reference["type"], reference["id"]) for reference in saved["references"]} <= set(known)


def test_every_reference_by_name_is_declared():
    for saved in OBJECTS:
        declared = {reference["name"] for reference in saved["references"]}
        if saved["type"] == "visualization":
            assert declared == {_source(saved)["indexRefName"]}
        if saved["type"] == "dashboard":
            panels = json.loads(saved["attributes"]["panelsJSON"])
            assert declared == {f"{panel['panelIndex']}:{panel['panelRefName']}" for panel in panels}


def test_no_panel_covers_another():
    dashboard = next(saved for saved in OBJECTS if saved["type"] == "dashboard")
    taken = [
        (x, y)
        for panel in json.loads(dashboard["attributes"]["panelsJSON"])
        for x in range(panel["gridData"]["x"], panel["gridData"]["x"] + panel["gridData"]["w"])
        for y in range(panel["gridData"]["y"], panel["gridData"]["y"] + panel["gridData"]["h"])
    ]
    assert len(set(taken)) == len(taken)
    assert max(x for x, _ in taken) == 47  # a dashboard is 48 columns wide


def test_the_data_view_is_of_our_indices():
    (view,) = (saved["attributes"] for saved in OBJECTS if saved["type"] == "index-pattern")
    assert (view["title"], view["timeFieldName"]) == (f"{PREFIX}*", "@timestamp")


def test_every_field_is_mapped(elasticsearch: Elasticsearch):
    mapped = elasticsearch.field_caps(index=f"{PREFIX}*", fields="*")["fields"]
    for panel in PANELS:
        for aggregation in _state(panel)["aggs"]:
            field = aggregation["params"].get("field")
            assert field is None or mapped[field][next(iter(mapped[field]))]["aggregatable"]


def test_each_panel_shows_what_happened(elasticsearch: Elasticsearch):
    shown = {panel["id"]: _run(elasticsearch, panel) for panel in PANELS}
    requests = {
        bucket["key_as_string"]: {kind["key"]: kind["doc_count"] for kind in bucket["3"]["buckets"]}
        for bucket in shown["tetraflix-requests"]["2"]["buckets"]
    }
    assert requests == {
        "2026-11-24T12:00:00.000Z": {"user-data": 1, "genre-data": 3, "session-data": 1, "recs-data": 1},
        "2026-11-24T12:01:00.000Z": {"user-data": 1, "session-data": 1},
    }
    served = shown["tetraflix-served-genres"]["2"]["buckets"]
    assert [(bucket["key"], bucket["doc_count"]) for bucket in served] == [("comedy", 2), ("drama", 1)]
    reached = {round(b["key"], 1): b["doc_count"] for b in shown["tetraflix-progress"]["2"]["buckets"]}
    assert reached == {tenth / 10: {2: 1, 3: 1, 10: 2}.get(tenth, 0) for tenth in range(11)}
    (views,) = shown["tetraflix-genre-views"]["16"]["buckets"]
    sums = {genre: views[str(number)]["value"] for number, genre in enumerate(GENRES, 1)}
    assert sums == pytest.approx({genre: {"comedy": 1.2, "drama": 0.8}.get(genre, 0) for genre in GENRES})


def _state(panel: dict[str, Any]) -> dict[str, Any]:
    return json.loads(panel["attributes"]["visState"])


def _source(panel: dict[str, Any]) -> dict[str, Any]:
    return json.loads(panel["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"])


def _run(elasticsearch: Elasticsearch, panel: dict[str, Any]) -> dict[str, Any]:
    """Asks for what Kibana asks for: the panel's buckets inside each other, its metrics in the innermost."""
    aggregations = _state(panel)["aggs"]
    inner = {
        a["id"]: {a["type"]: {"field": a["params"]["field"]}}
        for a in aggregations
        if a["schema"] == "metric" and a["type"] != "count"
    }
    for a in reversed([a for a in aggregations if a["schema"] in ("segment", "group")]):
        inner = {a["id"]: {**_bucket(a["type"], a["params"]), "aggs": inner}}
    answer = elasticsearch.search(index=f"{PREFIX}*", size=0, query=_kuery(panel), aggs=inner)
    return answer["aggregations"]


def _bucket(kind: str, params: dict[str, Any]) -> dict[str, Any]:
    match kind:
        case "terms":
            return {"terms": {"field": params["field"], "size": params["size"], "order": {"_count": "desc"}}}
        case "date_histogram":
            interval = {"m": "1m", "auto": "1h"}[params["interval"]]
            return {"date_histogram": {"field": params["field"], "fixed_interval": interval}}
        case "histogram":
            bounds = params["extended_bounds"]
            wanted = {"field": params["field"], "interval": params["interval"], "min_doc_count": 0}
            return {"histogram": wanted | {"extended_bounds": bounds}}
    raise AssertionError(kind)


def _kuery(panel: dict[str, Any]) -> dict[str, Any]:
    """The panel's filter: our KQL is also Lucene's syntax but for blanks, `and` and `>`."""
    kql = _source(panel)["query"]["query"]
    lucene = kql.replace(" : ", ":").replace(" and ", " AND ").replace("views > 0", "views:>0")
    return {"query_string": {"query": lucene}} if lucene else {"match_all": {}}
