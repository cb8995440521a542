"""The log of messages: the last ones of each queue with what became of them, written off the consumer's path."""
