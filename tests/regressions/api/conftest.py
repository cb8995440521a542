"""Callers of every kind."""

from tests.api.calling import anybody, distributor, service

__all__ = ["anybody", "distributor", "service"]
