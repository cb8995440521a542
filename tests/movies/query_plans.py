"""Captures the query plans of a block's reads."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection


@contextmanager
def plans_of_reads() -> Iterator[list[str]]:
    """The plan of each SELECT that runs in the block, in order."""
    plans: list[str] = []

    def explain(execute: Any, sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if sql.strip().startswith("SELECT"):
            with context["connection"].cursor().cursor as raw:
                raw.execute("EXPLAIN " + sql, params)
                plans.append("\n".join(line for (line,) in raw.fetchall()))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        yield plans
