"""Celery on SQS: transport, scheduler, heartbeats, and waking the worker."""
