"""Tests of running the service."""
