"""The consumer: receiver threads, group commit, and the SQS client; messages go from a queue to a handler."""
