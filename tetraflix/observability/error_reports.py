"""Errors go to Sentry where SENTRY_DSN says so: what failed and its request id, no bodies or queries."""

from typing import Any

import sentry_sdk
from sentry_sdk.integrations.celery import CeleryIntegration
from sentry_sdk.integrations.django import DjangoIntegration
from sentry_sdk.utils import BadDsn

from tetraflix.configuration.environment import BadEnvironment
from tetraflix.observability import request_ids


def start(dsn: str) -> None:
    """From now on unhandled exceptions and logged errors are sent, by a thread that no request waits for.

    Raises BadEnvironment for a DSN that Sentry does not take.
    """
    try:
        sentry_sdk.init(
            dsn=dsn,
            # Errors alone: traces would cost the two hot reads more than they take.
            traces_sample_rate=None,
            integrations=[
                DjangoIntegration(middleware_spans=False, signals_spans=False),
                CeleryIntegration(propagate_traces=False),
            ],
            send_default_pii=False,
            max_request_body_size="never",  # bodies hold user ids
            include_local_variables=False,  # so do frames
            before_send=_prepared,
        )
    except BadDsn:
        raise BadEnvironment("SENTRY_DSN is no DSN: copy it whole, https://key@host/project.") from None


def _prepared(event: Any, hint: dict[str, Any]) -> Any:
    if request_id := request_ids.current():
        event.setdefault("tags", {})["request_id"] = request_id
    event.get("request", {}).pop("query_string", None)  # what somebody searched for
    return event
