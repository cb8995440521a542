"""Search in Elasticsearch, kept up to date from the change records; installed where ELASTICSEARCH_URL is set."""
