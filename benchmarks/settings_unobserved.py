"""The service's settings without what watches its requests: what bench_operations compares with."""

from tetraflix.settings import *  # noqa: F403
from tetraflix.settings import MIDDLEWARE as OBSERVED

MIDDLEWARE = [name for name in OBSERVED if name != "tetraflix.web.request_instrumentation.observe"]
