"""Both stores of lists."""

from typing import Any

import pytest


@pytest.fixture(params=["postgres", "mongo"])
def store(request: pytest.FixtureRequest, settings: Any, transactional_db: None) -> str:
    if request.param == "mongo":
        settings.MONGODB_URL = request.getfixturevalue("mongodb_url")
    return str(request.param)
