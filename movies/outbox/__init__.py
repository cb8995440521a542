"""The transactional outbox: each committed change of a movie, published to SQS at least once, in order."""
