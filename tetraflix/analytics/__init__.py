"""Activity of clients and sister services, recorded for Kibana; installed where ELASTICSEARCH_URL is set."""
