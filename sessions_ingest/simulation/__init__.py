"""Simulated clients and sister services, over HTTP and SQS alone: for the demo, and to verify a deployment."""
