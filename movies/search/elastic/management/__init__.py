"""Commands of searching in Elasticsearch."""
