"""Search in Elasticsearch fulfils the contract of search."""

import pytest

from tests.movies.search.search_contract import SearchContract
from tests.movies.search.searching import Make, elastic, elasticsearch

__all__ = ["elastic", "elasticsearch"]


class TestElasticsearch(SearchContract):
    examples = 3  # each is a rebuild of the index

    @pytest.fixture
    def movies(self, elastic: Make) -> Make:
        return elastic
