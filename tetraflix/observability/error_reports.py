"""Sends errors to Sentry when SENTRY_DSN is set, with their request id but without bodies and queries."""

from typing import Any

import sentry_sdk
from sentry_sdk.integrations.celery import CeleryIntegration
from sentry_sdk.integrations.django import DjangoIntegration
from sentry_sdk.utils import BadDsn

from tetraflix.configuration.environment import BadEnvironment
from tetraflix.observability import request_ids


def start(dsn: str) -> None:
    """From now on a background thread sends unhandled exceptions and logged errors.

    Raises BadEnvironment for an invalid DSN.
    """
    try:
        sentry_sdk.init(
            dsn=dsn,
            # No traces: they would cost more than the two hot reads themselves.
            traces_sample_rate=None,
            integrations=[
                DjangoIntegration(middleware_spans=False, signals_spans=False),
                CeleryIntegration(propagate_traces=False),
            ],
            send_default_pii=False,
            max_request_body_size="never",  # bodies contain user ids
            include_local_variables=False,  # so do local variables
            before_send=_prepared,
        )
    except BadDsn:
        raise BadEnvironment(
            "SENTRY_DSN is not a valid DSN: copy all of it, https://key@host/project."
        ) from None


def _prepared(event: Any, hint: dict[str, Any]) -> Any:
    if request_id := request_ids.current():
        event.setdefault("tags", {})["request_id"] = request_id
    event.get("request", {}).pop("query_string", None)  # search terms may be private
    return event
