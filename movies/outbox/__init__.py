"""The transactional outbox: each committed change of a movie, published to SQS in order."""
