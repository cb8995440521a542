"""The service's settings without request instrumentation, as the baseline of bench_operations."""

from tetraflix.settings import *  # noqa: F403
from tetraflix.settings import MIDDLEWARE as OBSERVED

MIDDLEWARE = [name for name in OBSERVED if name != "tetraflix.web.request_instrumentation.observe"]
