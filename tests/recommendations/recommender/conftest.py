"""Both stores of lists, and a recommender that each test loads afresh."""

from typing import Any

import pytest

from recommendations.recommender import recommender


@pytest.fixture(params=["postgres", "mongo"])
def store(request: pytest.FixtureRequest, settings: Any, transactional_db: None) -> str:
    if request.param == "mongo":
        settings.MONGODB_URL = request.getfixturevalue("mongodb_url")
    return str(request.param)


@pytest.fixture(autouse=True)
def no_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the inventory of another."""
    monkeypatch.setattr(recommender, "_current", None)
