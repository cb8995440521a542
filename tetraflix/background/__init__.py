"""Celery on SQS: transport, scheduler, heartbeats, and the wakers of the worker."""
