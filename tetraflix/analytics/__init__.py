"""Records activity for Elasticsearch and Kibana; installed only where ELASTICSEARCH_URL is set."""
