"""Elasticsearch; installed only where ELASTICSEARCH_URL is set, and imported nowhere else."""
