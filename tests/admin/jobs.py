"""Replaces the work of a kind of bulk job, to make its jobs fail or to observe them."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from movies.bulk.job_handlers import HANDLERS, in_batches


def replace_work(monkeypatch: pytest.MonkeyPatch, kind: str, service: Callable[..., int]) -> None:
    """Jobs of this kind pass their movies to `service` instead."""
    monkeypatch.setitem(HANDLERS, kind, replace(HANDLERS[kind], apply=in_batches(service)))
