"""Search by title on PostgreSQL or Elasticsearch, selections of movies, and keyset pagination."""
