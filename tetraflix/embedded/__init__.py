"""The local stack of `make run` and `make demo`: embedded PostgreSQL and SQS, and the supervisor of all processes."""
