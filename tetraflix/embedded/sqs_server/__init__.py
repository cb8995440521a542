"""The program of the embedded SQS server: ministack, with its queues in a journal and fast at any depth."""
